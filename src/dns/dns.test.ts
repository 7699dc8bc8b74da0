import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { test } from "node:test";
import dnsPacket, { type DecodedPacket } from "dns-packet";
import * as fc from "fast-check";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { ClusterRecords, type ClusterData } from "./records.ts";
import { Responder } from "./responder.ts";
import { listenDns } from "./server.ts";

function service(name: string, spec: Partial<NonNullable<Service["spec"]>>): Service {
  return { metadata: { name, namespace: "default" }, spec };
}

function slice(of: string, endpoints: EndpointSlice["endpoints"]): EndpointSlice {
  return {
    metadata: { name: `${of}-1`, namespace: "default", labels: { "kubernetes.io/service-name": of } },
    addressType: "IPv4",
    endpoints,
    ports: [{ name: "db", protocol: "TCP", port: 5432 }],
  };
}

const allServices = [
  service("web", {
    clusterIP: "10.43.0.5",
    clusterIPs: ["10.43.0.5"],
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  }),
  service("db", {
    clusterIP: "None",
    clusterIPs: ["None"],
    ports: [{ name: "db", port: 5432, protocol: "TCP" }],
  }),
  service("alias", { type: "ExternalName", externalName: "web.default.svc.cluster.local" }),
  service("away", { type: "ExternalName", externalName: "example.com" }),
];
const allSlices = [
  slice("db", [
    { addresses: ["10.42.0.7"], hostname: "db-0", conditions: { ready: true } },
    { addresses: ["10.42.0.8"], conditions: { ready: true } },
    { addresses: ["10.42.0.9"], conditions: { ready: false } },
  ]),
];
const data: ClusterData = {
  service: (namespace, name) =>
    allServices.find(({ metadata }) => metadata?.namespace === namespace && metadata.name === name),
  hasNamespace: (name) => name === "default",
  slices: (_namespace, name) =>
    allSlices.filter(({ metadata }) => metadata?.labels?.["kubernetes.io/service-name"] === name),
  servicesAt: (ip) => allServices.filter(({ spec }) => spec?.clusterIP === ip),
  slicesAt: (ip) =>
    allSlices.filter(({ endpoints }) => endpoints.some(({ addresses }) => addresses.includes(ip))),
};
const outside = {
  resolve: (name: string): Promise<DecodedPacket | undefined> =>
    Promise.resolve(
      name === "example.com"
        ? dnsPacket.decode(
            dnsPacket.encode({
              type: "response",
              answers: [{ type: "A", name, ttl: 60, data: "192.0.2.1" }],
            }),
          )
        : undefined,
    ),
};
const responder = new Responder("cluster.local", {
  records: new ClusterRecords("cluster.local", data),
  outside,
});

async function ask(name: string, type: string): Promise<DecodedPacket> {
  const query = dnsPacket.encode({
    type: "query",
    id: 7,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name, type: type as "A" }],
  });
  const answer = await responder.respond(query, true);
  assert.ok(answer !== undefined);
  return dnsPacket.decode(answer);
}

const svc = "svc.cluster.local";
const short = (packet: DecodedPacket): string[] =>
  (packet.answers ?? []).map((record) => {
    const value = "data" in record ? record.data : "";
    return `${record.type} ${typeof value === "string" ? value : Array.isArray(value) ? value.join("") : JSON.stringify(value)}`;
  });

const cases: readonly [string, string, number, readonly string[]][] = [
  [`web.default.${svc}`, "A", 0, ["A 10.43.0.5"]],
  [`WEB.Default.${svc}`, "A", 0, ["A 10.43.0.5"]],
  [`web.default.${svc}`, "AAAA", 0, []],
  [`nobody.default.${svc}`, "A", 3, []],
  [`web.elsewhere.${svc}`, "A", 3, []],
  [`default.${svc}`, "A", 0, []],
  [`db.default.${svc}`, "A", 0, ["A 10.42.0.7", "A 10.42.0.8"]],
  [`db-0.db.default.${svc}`, "A", 0, ["A 10.42.0.7"]],
  [`10-42-0-8.db.default.${svc}`, "A", 0, ["A 10.42.0.8"]],
  [`10-42-0-9.db.default.${svc}`, "A", 3, []],
  [
    `_http._tcp.web.default.${svc}`,
    "SRV",
    0,
    [`SRV {"priority":0,"weight":100,"port":80,"target":"web.default.${svc}"}`],
  ],
  [`_http._udp.web.default.${svc}`, "SRV", 3, []],
  [
    `_db._tcp.db.default.${svc}`,
    "SRV",
    0,
    [
      `SRV {"priority":0,"weight":100,"port":5432,"target":"db-0.db.default.${svc}"}`,
      `SRV {"priority":0,"weight":100,"port":5432,"target":"10-42-0-8.db.default.${svc}"}`,
    ],
  ],
  ["10-42-0-8.default.pod.cluster.local", "A", 0, ["A 10.42.0.8"]],
  ["300-42-0-8.default.pod.cluster.local", "A", 3, []],
  [`alias.default.${svc}`, "A", 0, [`CNAME web.default.${svc}`, "A 10.43.0.5"]],
  [`away.default.${svc}`, "A", 0, ["CNAME example.com", "A 192.0.2.1"]],
  ["5.0.43.10.in-addr.arpa", "PTR", 0, [`PTR web.default.${svc}`]],
  ["7.0.42.10.in-addr.arpa", "PTR", 0, [`PTR db-0.db.default.${svc}`]],
  ["dns-version.cluster.local", "TXT", 0, ["TXT 1.1.0"]],
  ["example.com", "A", 0, ["A 192.0.2.1"]],
  ["nobody.example.org", "A", 2, []],
];
for (const [name, type, code, expected] of cases) {
  test(`${name} ${type}`, async () => {
    const packet = await ask(name, type);
    assert.equal((packet.flags ?? 0) & 0xf, code);
    assert.deepEqual(short(packet), expected);
    assert.equal(packet.id, 7);
  });
}

test("SRV brings the addresses of its targets along", async () => {
  const packet = await ask(`_db._tcp.db.default.${svc}`, "SRV");
  assert.deepEqual(
    (packet.additionals ?? []).map((record) => ("data" in record ? record.data : "")),
    ["10.42.0.7", "10.42.0.8"],
  );
});

test("a name without such a record says who is responsible", async () => {
  assert.equal((await ask(`web.default.${svc}`, "AAAA")).authorities?.[0]?.type, "SOA");
});

test("answers come over UDP and TCP, on another port when the first is taken; a long one is cut on UDP only", async () => {
  const many = {
    ...data,
    slices: () => [
      slice(
        "db",
        Array.from({ length: 100 }, (_, i) => ({ addresses: [`10.42.1.${i}`], conditions: { ready: true } })),
      ),
    ],
  };
  const deps = {
    responder: new Responder("cluster.local", {
      records: new ClusterRecords("cluster.local", many),
      outside,
    }),
    clock: systemClock,
    log: silentLogger,
  };
  await using first = await listenDns("127.0.0.1", 0, deps);
  await using second = await listenDns("127.0.0.1", first.port, deps);
  assert.notEqual(second.port, first.port);
  const query = dnsPacket.encode({
    type: "query",
    id: 9,
    questions: [{ name: `db.default.${svc}`, type: "A" }],
  });
  const udp = createSocket("udp4");
  const cut = await new Promise<Buffer>((resolve) => {
    udp.once("message", resolve);
    udp.send(query, second.port, "127.0.0.1");
  });
  udp.close();
  assert.equal(dnsPacket.decode(cut).flag_tc, true);
  assert.ok(cut.length <= 512);
  const tcp = connect(second.port, "127.0.0.1");
  const whole = await new Promise<DecodedPacket>((resolve) => {
    let received = Buffer.alloc(0);
    tcp.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 + received.readUInt16BE()) resolve(dnsPacket.decode(received.subarray(2)));
    });
    tcp.write(
      dnsPacket.streamEncode({ type: "query", id: 9, questions: [{ name: `db.default.${svc}`, type: "A" }] }),
    );
  });
  tcp.destroy();
  assert.equal(whole.answers?.length, 100);
});

test("no bytes make it fail", async () => {
  const valid = dnsPacket.encode({
    type: "query",
    id: 1,
    questions: [{ name: `web.default.${svc}`, type: "A" }],
  });
  const mutated = fc
    .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 })
    .map((changes) => {
      const bytes = Buffer.from(valid);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
  const anything = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, anything), async (bytes) => {
      const answer = await responder.respond(bytes, true);
      if (answer !== undefined) assert.equal(answer.readUInt16BE(), bytes.readUInt16BE());
    }),
    { numRuns: 2000 },
  );
});
