import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Node } from "#api/generated/types/core-v1.ts";
import { parsePodCidr } from "./cidr.ts";
import { firewallScript } from "./firewall.ts";
import { Leases, NoAddressError } from "./leases.ts";
import { peerCommands, peersOf, tunnelMac } from "./peers.ts";

test("a pod range knows its gateway, its tunnel end and its pods' addresses", () => {
  const cidr = parsePodCidr("10.42.3.0/24");
  assert.deepEqual(
    [cidr?.network, cidr?.gateway, cidr?.podAddress(0), cidr?.podsMax],
    ["10.42.3.0", "10.42.3.1", "10.42.3.2", 253],
  );
  for (const bad of ["", "10.42.3.0", "10.42.3.0/31", "10.420.3.0/24", "fd00::/64"]) {
    assert.equal(parsePodCidr(bad), undefined);
  }
});

async function directory(t: { after(run: () => Promise<void>): void }): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "mini-k8s-leases-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

const small = parsePodCidr("10.42.0.0/30");
const range = parsePodCidr("10.42.0.0/24");
assert.ok(small !== undefined && range !== undefined);

test("an address is given once, survives a restart, and comes back", async (t) => {
  const path = await directory(t);
  const leases = new Leases(path);
  await leases.open();
  const first = await leases.take("a", [], range);
  assert.equal((await leases.take("a", [], range)).ip, first.ip);
  assert.notEqual((await leases.take("b", [], range)).ip, first.ip);
  const again = new Leases(path);
  await again.open();
  assert.equal(again.of("a")?.ip, first.ip);
  assert.equal((await again.take("c", [], range)).ip, "10.42.0.4");
  await again.release("a");
  assert.deepEqual((await readdir(path)).toSorted(), ["10.42.0.3", "10.42.0.4"]);
});

test("two processes never give out the same address", async (t) => {
  const path = await directory(t);
  const [one, two] = [new Leases(path), new Leases(path)];
  await Promise.all([one.open(), two.open()]);
  const ips = await Promise.all(
    Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? one : two).take(`s${i}`, [], range)),
  );
  assert.equal(new Set(ips.map(({ ip }) => ip)).size, 40);
});

test("a full range says so; a torn file is let go", async (t) => {
  const path = await directory(t);
  await writeFile(join(path, "10.42.0.2"), '{"id":"x');
  const leases = new Leases(path);
  await leases.open();
  await leases.take("a", [], small);
  await assert.rejects(leases.take("b", [], small), NoAddressError);
});

function node(name: string, podCIDR: string | undefined, address: string): Node {
  return { metadata: { name }, spec: { podCIDR }, status: { addresses: [{ type: "InternalIP", address }] } };
}

test("the others are peers once they have a range and an address", () => {
  const nodes = [
    node("n1", "10.42.0.0/24", "10.0.0.1"),
    node("n2", "10.42.1.0/24", "10.0.0.2"),
    node("n3", undefined, "10.0.0.3"),
  ];
  assert.deepEqual(peersOf(nodes, "n1"), [
    {
      node: "n2",
      podCidr: "10.42.1.0/24",
      tunnelAddress: "10.42.1.0",
      tunnelMac: tunnelMac("n2"),
      address: "10.0.0.2",
    },
  ]);
  assert.match(tunnelMac("n2"), /^02(:[0-9a-f]{2}){5}$/);
});

test("a peer that comes is added, one that goes is forgotten, one that stays is left alone", () => {
  const a = peersOf([node("n2", "10.42.1.0/24", "10.0.0.2")], "n1");
  const b = peersOf([node("n3", "10.42.2.0/24", "10.0.0.3")], "n1");
  assert.deepEqual(peerCommands("tun", a, a), { ip: [], bridge: [] });
  assert.deepEqual(peerCommands("tun", a, b), {
    ip: [
      "route del 10.42.1.0/24 dev tun",
      "neigh del 10.42.1.0 dev tun",
      `neigh replace 10.42.2.0 lladdr ${tunnelMac("n3")} dev tun nud permanent`,
      "route replace 10.42.2.0/24 via 10.42.2.0 dev tun onlink",
    ],
    bridge: [`fdb del ${tunnelMac("n2")} dev tun`, `fdb replace ${tunnelMac("n3")} dev tun dst 10.0.0.3`],
  });
});

test("a range that moves to another node isn't taken away after it was set", () => {
  const a = peersOf([node("n2", "10.42.1.0/24", "10.0.0.2")], "n1");
  const moved = peersOf([node("n9", "10.42.1.0/24", "10.0.0.9")], "n1");
  assert.ok(!peerCommands("tun", a, moved).ip.some((command) => command.includes("del")));
});

test("host ports lead to their pods, on every address or on one", () => {
  const port = { protocol: "TCP", containerPort: 80, hostPort: 8080, hostIP: "" } as const;
  const script = firewallScript("10.42.0.0/16", [
    { id: "a", ip: "10.42.0.2", hostPorts: [port] },
    { id: "b", ip: "10.42.0.3", hostPorts: [{ ...port, hostPort: 53, protocol: "UDP", hostIP: "10.0.0.1" }] },
  ]);
  assert.match(script, /map host-ports .*elements = \{ tcp \. 8080 : 10\.42\.0\.2 \. 80 \};/);
  assert.match(script, /map bound-ports .*elements = \{ 10\.0\.0\.1 \. udp \. 53 : 10\.42\.0\.3 \. 80 \};/);
  assert.match(firewallScript("10.42.0.0/16", []), /ip saddr 10\.42\.0\.0\/16 ip daddr != 10\.42\.0\.0\/16/);
});
