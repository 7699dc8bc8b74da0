/** Two servers on one etcd: each revision is compacted by one of them, and when that one dies, by the other. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { singleKey } from "#store/key-range.ts";
import { CompactedError } from "#store/store.ts";
import { EtcdKeyValues } from "#store/testing/etcd-key-values.ts";
import { eventually } from "../wait.ts";
import { startEtcd } from "./etcd.ts";
import { MiniServer } from "./server.ts";

const waitMaxMs = 60_000;
const claims = singleKey("compact_rev_key");

const stack = new AsyncDisposableStack();
let client: EtcdKeyValues;
let servers: MiniServer[] = [];

/** What a server says it has compacted to. */
function compactedBy({ output }: MiniServer): string[] {
  return [...output.matchAll(/compacted\b.*?\brevision\W+(\d+)/g)].map(([, revision = ""]) => revision);
}

async function claimCount(): Promise<number> {
  const { entries } = await client.range({ range: claims });
  return Number(entries[0]?.version ?? 0n);
}

/** Both write all the time, so that there is something to compact. */
async function compactions(by: readonly MiniServer[], count: number): Promise<string[]> {
  const known = by.flatMap(compactedBy).length;
  return eventually(`${count} compactions`, waitMaxMs, async () => {
    for (const server of by) {
      const name = `c-${performance.now()}`.replace(".", "-");
      await server.call("POST", "/api/v1/namespaces/default/configmaps", { metadata: { name } });
    }
    const all = by.flatMap(compactedBy);
    return all.length >= known + count && all;
  });
}

suite("two servers compact one etcd", () => {
  before(async () => {
    const etcd = await startEtcd();
    stack.defer(() => etcd.remove());
    client = new EtcdKeyValues(etcd.address);
    stack.defer(() => {
      client.close();
    });
    const endpoint = `http://${etcd.address}`;
    const args = ["--token", "open-sesame", "--datastore-endpoint", endpoint, "--debug"];
    servers = ["epsilon", "zeta"].map(
      (name) => new MiniServer(name, [...args, "--etcd-compaction-interval", "2s"]),
    );
    for (const server of servers) stack.defer(() => server.remove());
    await Promise.all(servers.map((server) => server.start()));
  });

  after(async () => {
    await stack.disposeAsync();
  });

  test("one does it at a time, and the old revisions are gone for all", async () => {
    const all = await compactions(servers, 4);
    assert.equal(new Set(all).size, all.length, "a revision was compacted twice");
    // Each compaction was claimed before; the first claims are of servers that have nothing old enough.
    assert.ok((await claimCount()) >= all.length);
    await assert.rejects(client.range({ range: claims, revision: 2n }), CompactedError);
    for (const server of servers) {
      const old = await server.call("GET", "/api/v1/configmaps?resourceVersion=2&resourceVersionMatch=Exact");
      assert.equal(old.status, 410, old.text);
      assert.equal((await server.call("GET", "/api/v1/configmaps")).status, 200);
    }
  });

  test("when one dies, the other goes on", async () => {
    const [dead, living] = servers as [MiniServer, MiniServer];
    await dead.kill();
    const done = await compactions([living], 2);
    assert.equal(new Set(done).size, done.length);
  });
});
