import assert from "node:assert/strict";
import { test } from "node:test";
import { MeasuredServer, valueIn } from "./testing/measured-server.ts";

const cidr = "10.43.0.0/16";
const onPort = (nodePort: number): object => ({ type: "NodePort", ports: [{ port: 80, nodePort }] });
const services = "/api/v1/namespaces/default/services";

test("what Services take of addresses and node ports is counted, and what they can't have", async () => {
  await using measured = await MeasuredServer.start();
  const send = async (name: string, spec: object, query = ""): Promise<number> =>
    (
      await measured.send("POST", `${services}${query}`, {
        metadata: { name },
        spec: { ports: [{ port: 80 }], ...spec },
      })
    ).status;
  const seen = async (): Promise<Record<string, number>> => {
    const text = await measured.text();
    const ips = (rest: string, labels = {}): number =>
      valueIn(text, `kube_apiserver_clusterip_allocator_${rest}`, { cidr, ...labels });
    const ports = (rest: string, labels = {}): number =>
      valueIn(text, `kube_apiserver_nodeport_allocator_${rest}`, labels);
    return {
      usedIps: ips("allocated_ips"),
      freeIps: ips("available_ips"),
      dynamicIps: ips("allocation_total", { scope: "dynamic" }),
      staticIps: ips("allocation_total", { scope: "static" }),
      refusedIps: ips("allocation_errors_total", { scope: "static" }),
      timedIps: ips("allocation_duration_seconds_count"),
      usedPorts: ports("allocated_ports"),
      freePorts: ports("available_ports"),
      dynamicPorts: ports("allocation_total", { scope: "dynamic" }),
      staticPorts: ports("allocation_total", { scope: "static" }),
      refusedPorts: ports("allocation_errors_total", { scope: "static" }),
    };
  };
  const before = await seen();
  assert.equal((before["usedIps"] ?? 0) + (before["freeIps"] ?? 0), 2 ** 16 - 2);
  assert.equal((before["usedPorts"] ?? 0) + (before["freePorts"] ?? 0), 32_767 - 30_000 + 1);
  assert.equal(await send("tried", { type: "NodePort" }, "?dryRun=All"), 201);
  assert.deepEqual(await seen(), before);
  assert.equal(await send("a", { type: "NodePort" }), 201);
  assert.equal(await send("b", { clusterIP: "10.43.0.50" }), 201);
  assert.equal(await send("c", { clusterIP: "10.43.0.50" }), 422);
  assert.equal(await send("d", onPort(30_001)), 201);
  assert.equal(await send("e", onPort(30_001)), 422);
  assert.equal(await send("f", onPort(80)), 422);
  const now = await seen();
  const grown = Object.fromEntries(
    Object.entries(now).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
  assert.deepEqual(grown, {
    usedIps: 3,
    freeIps: -3,
    // Of a and d, and of e and f before their ports were refused.
    dynamicIps: 4,
    staticIps: 1,
    refusedIps: 1,
    timedIps: 5,
    usedPorts: 2,
    freePorts: -2,
    dynamicPorts: 1,
    staticPorts: 1,
    refusedPorts: 2,
  });
});
