/**
 * Node ports and health ports of Services.
 * Cases re-expressed from pkg/registry/core/service/storage/storage_test.go (TestCreateInitNodePorts,
 * TestUpdatePatchAllocatedValues, TestFeaturePorts, TestFeatureExternalTrafficPolicy).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { Answer } from "#testing/answers.ts";
import { startServiceServer, type ServiceServer } from "./testing/service-server.ts";

const messageOf = ({ body }: Answer<Service>): string => (body as { message?: string }).message ?? "";
const nodePortsOf = ({ body }: Answer<Service>): readonly (number | undefined)[] =>
  (body.spec?.ports ?? []).map(({ nodePort }) => nodePort);

/** "p80" or "p80u:30080": the name, the port, u for UDP, the node port asked for. */
function portsFrom(text: string): { ports: readonly object[] } {
  const ports = text.split(" ").map((each) => {
    const parts = /^(?<name>[a-z])(?<port>\d+)(?<udp>u?)(?::(?<nodePort>\d+))?$/.exec(each);
    const { name, port, udp, nodePort } = parts?.groups ?? {};
    const protocol = udp === "u" ? "UDP" : "TCP";
    return {
      name,
      port: Number(port),
      protocol,
      ...(nodePort === undefined ? {} : { nodePort: Number(nodePort) }),
    };
  });
  return { ports };
}

const allocated = "is already allocated";
/** Node ports as they came out: a number that was asked for, letters for those that weren't (alike: the same one), - for none. */
function shapeOf(answer: Answer<Service>, asked: ReadonlySet<number>): string {
  const letters = new Map<number, string>();
  return nodePortsOf(answer)
    .map((port) => {
      if (port === undefined) return "-";
      if (asked.has(port)) return String(port);
      if (!letters.has(port)) letters.set(port, String.fromCodePoint(97 + letters.size));
      return letters.get(port);
    })
    .join(" ");
}

const askedIn = (...texts: readonly string[]): ReadonlySet<number> =>
  new Set(
    texts
      .flatMap((text) => [...text.matchAll(/:(?<port>\d+)/g)])
      .map(({ groups }) => Number(groups?.["port"])),
  );

const off = { allocateLoadBalancerNodePorts: false };
const forbidden = "may not be used when `type` is 'ClusterIP'";

const created: readonly (readonly [type: string, fields: object, ports: string, want: string])[] = [
  ["ClusterIP", {}, "p80", "-"],
  ["ClusterIP", {}, "p80:30080", forbidden],
  ...["NodePort", "LoadBalancer"].flatMap((type) =>
    [
      ["p80", "a"],
      ["p80:30080", "30080"],
      ["p80 q443", "a b"],
      ["p80:30080 q443:30043", "30080 30043"],
      ["p80:30080 q443:30080", allocated],
      ["p53 q53u", "a a"],
      ["p53:30053 q53u:30054", "30053 30054"],
      ["p53:30053 q53u:30053", "30053 30053"],
      ["p93:30013 q76u:30013", allocated],
      // One that is asked for is for all ports of that number, wherever it stands.
      ["p53 q53u:30053", "30053 30053"],
      ["p53:30053 q53u", "30053 30053"],
    ].map(([ports = "", want = ""]) => [type, {}, ports, want] as const),
  ),
  ["LoadBalancer", off, "p80", "-"],
  ["LoadBalancer", off, "p80:30080", "30080"],
  ["LoadBalancer", off, "p80 q443", "- -"],
  ["LoadBalancer", off, "p80:30080 q443:30043", "30080 30043"],
  ["LoadBalancer", off, "p80:30080 q443", "30080 -"],
];

test("node ports of new Services", async () => {
  await using server = await startServiceServer("4");
  for (const [type, fields, ports, want] of created) {
    const answer = await server.create({ type, ...fields, ...portsFrom(ports) });
    const name = `${type} ${JSON.stringify(fields)} ${ports}`;
    if (answer.status === 201) assert.equal(shapeOf(answer, askedIn(ports)), want, name);
    else assert.match(messageOf(answer), new RegExp(want), name);
    await server.assertClaims();
    if (answer.status === 201) await server.remove();
  }
  await server.assertClaims();
});

test("no node port of a name elsewhere is claimed", async () => {
  await using server = await startServiceServer("4");
  const answer = await server.create({
    type: "ExternalName",
    externalName: "x.io",
    ...portsFrom("p80:30080"),
  });
  assert.equal(answer.status, 201);
  await server.create({ type: "NodePort", ...portsFrom("p80:30080") }, false, { name: "bar" });
  assert.equal((await server.remove()).status, 200);
  assert.equal((await server.create({ type: "NodePort", ...portsFrom("p80:30080") })).status, 422);
});

const local = { type: "LoadBalancer", externalTrafficPolicy: "Local" };
const health = { ...local, healthCheckNodePort: 30_018 };
const both = "p867:30013 q5309:30076";
const nodePort = { type: "NodePort" };
const clusterIp = { type: "ClusterIP" };

/** What came of it: node ports, and after / the port that health is asked at. */
const updated: readonly (readonly [
  name: string,
  before: object,
  had: string,
  after: object,
  said: string,
  want: string,
])[] = [
  ["nothing said", health, "p867:30013", local, "p867", "30013 / 30018"],
  ["nothing said of two", health, both, local, "p867 q5309", "30013 30076 / 30018"],
  ["one said", health, both, local, "p867:30013 q5309", "30013 30076 / 30018"],
  ["two swapped", health, both, local, "q5309 p867", "30076 30013 / 30018"],
  ["the other's said", health, both, health, "p867:30076 q5309", "30076 a / 30018"],
  ["the health port said", health, both, local, "p867:30076 q5309:30018", allocated],
  ["the health port said for one", health, both, local, "p867:30018 q5309", allocated],
  [
    "another health port",
    health,
    both,
    { ...local, healthCheckNodePort: 30_011 },
    both,
    "spec.healthCheckNodePort: Forbidden: field is immutable",
  ],
  ["a port more", clusterIp, "p80", clusterIp, "p80 q443", "- -"],
  ["a port more, and node ports", clusterIp, "p80", nodePort, "p80 q443", "a b"],
  ["a port more, and no node ports", nodePort, "p80:30080", clusterIp, "p80 q443", "- -"],
  ["a port less", clusterIp, "p80 q443", clusterIp, "p80", "-"],
  ["a port less, and node ports", clusterIp, "p80 q443", nodePort, "p80", "a"],
  ["a port less, and no node ports", nodePort, "p80 q443", clusterIp, "p80", "-"],
  ["ports swapped", nodePort, "p80:30080 q443:30043", nodePort, "q443 p80", "30043 30080"],
  ["other numbers", nodePort, "p80:30080 q443:30043", nodePort, "p8080 q8443", "30080 30043"],
  ["other protocols", nodePort, "p80:30080 q443:30043", nodePort, "p80u q443u", "30080 30043"],
  ["other ports of one number", nodePort, "p80:30080 q443:30043", nodePort, "r53 s53u", "a b"],
  ["another protocol more", nodePort, "p53:30053", nodePort, "p53 q53u", "30053 a"],
  ["another protocol more that says its port", nodePort, "p53:30053", nodePort, "p53 q53u:30053", "a 30053"],
  ["two of the same from now on", clusterIp, "p53", nodePort, "p53:30053 q53u:30053", "30053 30053"],
  [
    "two of the same protocol",
    nodePort,
    "p80",
    nodePort,
    "p80:30080 q443:30080",
    "^duplicate nodePort: {TCP 30080}$",
  ],
  ["from a name elsewhere", { type: "ExternalName", externalName: "x.io" }, "p80", nodePort, "p80", "a"],
  [
    "one asked for, then all",
    { type: "LoadBalancer", ...off },
    "p80:30080",
    { type: "LoadBalancer" },
    "p80",
    "a",
  ],
  ["health from now on", { type: "LoadBalancer" }, "p80:30080", local, "p80", "30080 / b"],
  [
    "health at a port from now on",
    { type: "LoadBalancer" },
    "p80:30080",
    { ...local, healthCheckNodePort: 30_000 },
    "p80",
    "30080 / 30000",
  ],
  [
    "health at a node port",
    { type: "LoadBalancer" },
    "p80:30080",
    { ...local, healthCheckNodePort: 30_080 },
    "p80",
    "^Internal error occurred: failed to allocate requested HealthCheck NodePort 30080: provided port is already allocated$",
  ],
  [
    "no health any more",
    local,
    "p80:30080",
    { type: "LoadBalancer", externalTrafficPolicy: "Cluster" },
    "p80",
    "30080",
  ],
  [
    "no asked health any more",
    health,
    "p80:30080",
    { type: "LoadBalancer", externalTrafficPolicy: "Cluster" },
    "p80",
    "30080",
  ],
  [
    "a policy that isn't one",
    local,
    "p80",
    { type: "LoadBalancer", externalTrafficPolicy: "Invalid" },
    "p80",
    "Unsupported value",
  ],
  ["no ports", nodePort, "p80", { ...nodePort, ports: [] }, "", "spec.ports: Required value"],
];

function outcomeOf(answer: Answer<Service>, asked: ReadonlySet<number>): string {
  const { healthCheckNodePort: port } = answer.body.spec ?? {};
  const shape = shapeOf(answer, asked);
  if (port === undefined) return shape;
  return `${shape} / ${asked.has(port) ? port : "b"}`;
}

async function assertUpdated(server: ServiceServer, row: (typeof updated)[number]): Promise<void> {
  const [name, before, had, after, said, want] = row;
  const first = await server.create({ ...before, ...portsFrom(had) });
  assert.equal(first.status, 201, `${name}: ${messageOf(first)}`);
  const answer = await server.update({ ...after, ...(said === "" ? {} : portsFrom(said)) });
  const healthPorts = [before, after].map((each) => (each as Service["spec"])?.healthCheckNodePort ?? 0);
  const asked = new Set([...askedIn(had, said), ...healthPorts]);
  if (answer.status === 200) assert.equal(outcomeOf(answer, asked), want, name);
  else assert.match(messageOf(answer), new RegExp(want), name);
  await server.assertClaims();
  await server.remove();
}

test("node ports of changed Services", async () => {
  await using server = await startServiceServer("46");
  for (const row of updated) await assertUpdated(server, row);
  await server.assertClaims();
});

const onlyLocal = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
const onlyOutside = "may only be set for externally-accessible services";

const policies: readonly (readonly [fields: object, want: string])[] = [
  ...["ExternalName", "ClusterIP"].flatMap((type) => [
    [{ type, healthCheckNodePort: 30_000 }, onlyLocal] as const,
    ...["Cluster", "Local"].flatMap((externalTrafficPolicy) => [
      [{ type, externalTrafficPolicy }, onlyOutside] as const,
      [{ type, externalTrafficPolicy, healthCheckNodePort: 30_000 }, onlyOutside] as const,
    ]),
  ]),
  [{ type: "NodePort", healthCheckNodePort: 30_000 }, onlyLocal],
  [{ type: "NodePort", externalTrafficPolicy: "Local", healthCheckNodePort: 30_000 }, onlyLocal],
  [{ type: "LoadBalancer", healthCheckNodePort: 30_000 }, onlyLocal],
  [
    { ...local, healthCheckNodePort: -1 },
    "^Internal error occurred: failed to allocate requested HealthCheck NodePort -1: provided port is not in the valid range. The range of valid ports is 30000-32767$",
  ],
  [
    { ...local, healthCheckNodePort: 30_080, ports: [{ port: 80, nodePort: 30_080 }] },
    "HealthCheck NodePort 30080: provided port is already allocated$",
  ],
];

test("a new Service's policy for what comes from outside, and where its health is asked", async () => {
  await using server = await startServiceServer("46");
  for (const [fields, want] of policies) {
    const answer = await server.create({ externalName: "example.com", ...fields });
    assert.notEqual(answer.status, 201, JSON.stringify(fields));
    assert.match(messageOf(answer), new RegExp(want), JSON.stringify(fields));
    await server.assertClaims();
  }
});
