import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { keptServers, serversIn } from "./servers.ts";

const slice = (port: number, ...addresses: string[]): EndpointSlice => ({
  addressType: "IPv4",
  endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  ports: [{ name: "https", port, protocol: "TCP" }],
});

/** Go writes null for an empty list. */
const overNetwork = JSON.parse('{"addressType":"IPv4","endpoints":null,"ports":null}') as EndpointSlice;

suite("the servers that the Service leads to", () => {
  const cases: readonly [what: string, slices: readonly EndpointSlice[], servers: readonly string[]][] = [
    ["none", [], []],
    ["without endpoints", [{ addressType: "IPv4", endpoints: [] }], []],
    ["without endpoints, as it comes over the network", [overNetwork], []],
    [
      "two on one port",
      [slice(6443, "10.0.0.2", "10.0.0.1")],
      ["https://10.0.0.1:6443", "https://10.0.0.2:6443"],
    ],
    [
      "each on its own port",
      [slice(7443, "10.0.0.1"), slice(6443, "10.0.0.1")],
      ["https://10.0.0.1:6443", "https://10.0.0.1:7443"],
    ],
    ["IPv6", [slice(6443, "fd00::1")], ["https://[fd00::1]:6443"]],
    [
      "one that isn't ready",
      [{ ...slice(6443), endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: false } }] }],
      [],
    ],
  ];
  for (const [what, slices, servers] of cases) {
    test(what, () => {
      assert.deepEqual(serversIn(slices), servers);
    });
  }
});

test("what the last run has kept is read; lines that are no URL are not", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mini-k8s-servers-"));
  try {
    const path = join(directory, "servers");
    assert.deepEqual(await keptServers(path), []);
    await writeFile(path, "https://10.0.0.1:6443\nhalf\nhttps://10.0.0.2:6443\n");
    assert.deepEqual(await keptServers(path), ["https://10.0.0.1:6443", "https://10.0.0.2:6443"]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
