/** Addresses and ports of services, through the whole chain but HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Transport } from "#client/client.ts";
import { call, get, merge, post, put, remove, type Answer } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const core = "/api/v1/namespaces/default";

const service = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { selector: { app: "x" }, ports: [{ port: 80 }], ...spec },
});
const create = (transport: Transport, name: string, spec: object = {}): Promise<Answer<Service>> =>
  post<Service>(transport, `${core}/services`, service(name, spec));

test("services get an address of the range, and give it back", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body } = await create(transport, "a");
  const { clusterIP = "", clusterIPs, ipFamilies, ipFamilyPolicy } = body.spec ?? {};
  assert.match(clusterIP, /^10\.43\./);
  assert.deepEqual([clusterIPs, ipFamilies, ipFamilyPolicy], [[clusterIP], ["IPv4"], "SingleStack"]);
  const taken = await create(transport, "b", { clusterIP });
  assert.equal(
    (taken.body as AnyObject)["message"],
    `Service "b" is invalid: spec.clusterIPs: Invalid value: ["${clusterIP}"]: failed to allocate IP ${clusterIP}: provided IP is already allocated`,
  );
  const foreign = await create(transport, "b", { clusterIP: "192.168.1.1" });
  assert.match(
    String((foreign.body as AnyObject)["message"]),
    /failed to allocate IP 192\.168\.1\.1: the provided network does not match the current range/,
  );
  await remove(transport, `${core}/services/a`);
  assert.equal((await create(transport, "b", { clusterIP })).status, 201);
});

test("a service that can't be stored gives back what it took", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await create(transport, "a");
  const clusterIP = "10.43.0.77";
  assert.equal((await create(transport, "a", { clusterIP })).status, 409);
  const dry = { method: "POST", path: `${core}/services`, query: { dryRun: "All" } } as const;
  assert.equal((await call(transport, { ...dry, body: service("d", { clusterIP }) })).status, 201);
  assert.equal((await create(transport, "b", { clusterIP })).status, 201);
});

test("a Service's Endpoints go with it, whoever made them, and stay where it does", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const subsets = [{ addresses: [{ ip: "1.2.3.4" }], ports: [{ port: 80 }] }];
  for (const name of ["a", "b"]) {
    await create(transport, name, { selector: undefined });
    await post(transport, `${core}/endpoints`, { metadata: { name }, subsets });
  }
  const statusOf = async (name: string): Promise<number> =>
    (await get(transport, `${core}/endpoints/${name}`)).status;
  await remove(transport, `${core}/services/a`, undefined, { dryRun: "All" });
  assert.equal(await statusOf("a"), 200);
  await merge(transport, `${core}/services/a`, { metadata: { finalizers: ["example.com/test"] } });
  await remove(transport, `${core}/services/a`);
  assert.equal(await statusOf("a"), 200);
  await merge(transport, `${core}/services/a`, { metadata: { finalizers: null } });
  assert.deepEqual([await statusOf("a"), await statusOf("b")], [404, 200]);
});

test("headless and external services have no address", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const headless = await create(transport, "h", { clusterIP: "None" });
  assert.deepEqual([headless.body.spec?.clusterIP, headless.body.spec?.clusterIPs], ["None", ["None"]]);
  const external = await create(transport, "e", { type: "ExternalName", externalName: "x.io", ports: [] });
  assert.deepEqual([external.body.spec?.clusterIP, external.body.spec?.ipFamilies], [undefined, undefined]);
});

test("who lists a service's addresses names the first of them for itself, too", async () => {
  await using server = await startTestApiserver();
  const clusterIPs = ["10.43.0.78"];
  const { body } = await create(server.transport(), "a", { clusterIPs });
  assert.equal(
    (body as AnyObject)["message"],
    'Service "a" is invalid: spec.clusterIPs: Invalid value: ["10.43.0.78"]: must be empty when `clusterIP` is not specified',
  );
  assert.equal((await create(server.transport(), "a", { clusterIP: clusterIPs[0] })).status, 201);
});

test("node ports come and go with the type", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body: plain } = await create(transport, "p");
  const ported = await merge<Service>(transport, `${core}/services/p`, { spec: { type: "NodePort" } });
  const nodePort = ported.body.spec?.ports?.[0]?.nodePort ?? 0;
  assert.ok(nodePort >= 30_000 && nodePort <= 32_767);
  assert.equal(ported.body.spec?.clusterIP, plain.spec?.clusterIP);
  const taken = await create(transport, "q", { type: "NodePort", ports: [{ port: 1, nodePort }] });
  assert.match(
    String((taken.body as AnyObject)["message"]),
    /spec.ports\[0\].nodePort: Invalid value: \d+: provided port is already allocated/,
  );
  const back = await merge<Service>(transport, `${core}/services/p`, { spec: { type: "ClusterIP" } });
  assert.deepEqual(
    [back.body.spec?.ports?.[0]?.nodePort, back.body.spec?.externalTrafficPolicy],
    [undefined, undefined],
  );
  assert.equal(
    (await create(transport, "q", { type: "NodePort", ports: [{ port: 1, nodePort }] })).status,
    201,
  );
  const outside = await create(transport, "r", { type: "NodePort", ports: [{ port: 1, nodePort: 80 }] });
  assert.match(String((outside.body as AnyObject)["message"]), /The range of valid ports is 30000-32767/);
});

const nodePortsOf = ({ body }: Answer<Service>): readonly (number | undefined)[] =>
  (body.spec?.ports ?? []).map(({ nodePort }) => nodePort);

/** upstream: pkg/registry/core/service/strategy_test.go (TestDropTypeDependentFields) */
test("ports may come, change and go with the type, but no new node port with them", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const both = [
    { name: "a", port: 80 },
    { name: "b", port: 81 },
  ];
  for (const [name, change, want] of [
    [
      "added",
      ([a, b]: readonly object[]) => [a, b, { name: "c", port: 82 }],
      [undefined, undefined, undefined],
    ],
    ["removed", ([a]: readonly object[]) => [a], [undefined]],
    ["changed", ([a, b]: readonly object[]) => [{ ...a, port: 180 }, b], [undefined, undefined]],
    ["asked", ([a, b]: readonly object[]) => [{ ...a, nodePort: 30_001 }, b], undefined],
  ] as const) {
    const { body } = await create(transport, name, { type: "LoadBalancer", ports: both });
    const spec = { ...body.spec, type: "ClusterIP", ports: change(body.spec?.ports ?? []) };
    const answer = await put<Service>(transport, `${core}/services/${name}`, { ...body, spec });
    if (want === undefined) assert.equal(answer.status, 422);
    else assert.deepEqual(nodePortsOf(answer), want, JSON.stringify(answer.body));
  }
});

test("without allocation a balanced service has the node ports that were there or are asked for", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const off = { type: "LoadBalancer", allocateLoadBalancerNodePorts: false };
  const first = await create(transport, "a", { type: "LoadBalancer" });
  const ingress = [{ ip: "1.2.3.4", ipMode: "VIP" }];
  await merge(transport, `${core}/services/a/status`, { status: { loadBalancer: { ingress } } });
  const second = await merge<Service>(transport, `${core}/services/a`, { spec: off });
  assert.deepEqual(nodePortsOf(second), nodePortsOf(first));
  assert.deepEqual(second.body.status?.loadBalancer, { ingress });
  assert.deepEqual(nodePortsOf(await create(transport, "b", off)), [undefined]);
  const nodePort = nodePortsOf(first)[0];
  assert.equal((await create(transport, "c", { ...off, ports: [{ port: 80, nodePort }] })).status, 422);
  const renewed = await put<Service>(transport, `${core}/services/b`, service("b", { type: "LoadBalancer" }));
  assert.notDeepEqual(nodePortsOf(renewed), [undefined]);
  const reset = await put<Service>(transport, `${core}/services/b`, service("b", off));
  assert.deepEqual(nodePortsOf(reset), [undefined]);
  const third = await merge<Service>(transport, `${core}/services/a`, { spec: { type: "ClusterIP" } });
  assert.deepEqual([nodePortsOf(third), third.body.status], [[undefined], { loadBalancer: {} }]);
});

test("a client that leaves out what was allocated keeps it", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const { body } = await create(transport, "a", { type: "NodePort", ports: [{ name: "w", port: 80 }] });
  const updated = await put<Service>(
    transport,
    `${core}/services/a`,
    service("a", {
      type: "NodePort",
      ports: [
        { name: "w", port: 82 },
        { name: "x", port: 80 },
      ],
    }),
  );
  assert.equal(updated.body.spec?.clusterIP, body.spec?.clusterIP);
  assert.equal(updated.body.spec?.ports?.[0]?.nodePort, body.spec?.ports?.[0]?.nodePort);
  assert.notEqual(updated.body.spec?.ports?.[1]?.nodePort, undefined);
});

test("TCP and UDP of one port share a node port", async () => {
  await using server = await startTestApiserver();
  const ports = [
    { name: "t", port: 53, protocol: "TCP" },
    { name: "u", port: 53, protocol: "UDP" },
  ];
  const { body } = await create(server.transport(), "dns", { type: "NodePort", ports });
  const [one, two] = body.spec?.ports ?? [];
  assert.equal(one?.nodePort, two?.nodePort);
});

test("after a restart nothing is handed out twice", async () => {
  await using first = await startTestApiserver();
  const { body } = await create(first.transport(), "a", { type: "NodePort" });
  await using second = await startTestApiserver({ store: first.store });
  const again = await create(second.transport(), "b", { clusterIP: body.spec?.clusterIP });
  assert.equal(again.status, 422);
  const nodePort = body.spec?.ports?.[0]?.nodePort;
  assert.equal(
    (await create(second.transport(), "c", { type: "NodePort", ports: [{ port: 1, nodePort }] })).status,
    422,
  );
});
