/** What upstream's conformance demands of lists in chunks: of one revision, and past its compaction. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt, type Json } from "./api-client.ts";
import { makeNamespace, named } from "./core-objects.ts";

const total = 400;
const nameOf = (i: number): string => `template-${String(i).padStart(4, "0")}`;
const compactedMs = 30_000;

let server: BareServer;
let api: ApiClient;

interface Page {
  readonly names: readonly unknown[];
  readonly token: string;
  readonly revision: string;
}

const path = "/api/v1/namespaces/chunks/podtemplates";

/** One page, which is what follows the first `found`; it tells how many are left if it isn't the last. */
async function page(limit: number, token: string, found: number): Promise<Page> {
  const list = await api.get(`${path}?limit=${limit}&continue=${token}`);
  const names = (list["items"] as Json[]).map((item) => at(item, "metadata.name"));
  assert.deepEqual(
    names,
    Array.from({ length: Math.min(limit, total - found) }, (_, i) => nameOf(found + i)),
  );
  const left = total - found - names.length;
  const next = textAt(list, "metadata.continue");
  assert.equal(at(list, "metadata.remainingItemCount"), left === 0 ? undefined : left);
  assert.equal(next === "", left === 0);
  return { names, token: next, revision: textAt(list, "metadata.resourceVersion") };
}

/** All that follows the first `found`, at one revision. */
async function rest(limit: number, from: { token: string; revision?: string; found: number }): Promise<void> {
  let { token, revision, found } = from;
  do {
    const one = await page(limit, token, found);
    found += one.names.length;
    revision ??= one.revision;
    assert.equal(one.revision, revision);
    token = one.token;
  } while (token !== "");
  assert.equal(found, total);
}

suite("conformance: chunks", { timeout: 240_000 }, () => {
  before(async () => {
    // Upstream waits for its five minutes. These are long for a list in chunks, and short to wait for.
    server = await startBareServer(["--etcd-compaction-interval=5s"]);
    api = await ApiClient.of(server.kubeconfig);
    await makeNamespace(api, "chunks");
    const template = { spec: { containers: [{ name: "test", image: "test2" }] } };
    let next = 0;
    const maker = async (): Promise<void> => {
      while (next < total) await api.create(path, named(nameOf(next++), {}, { template }));
    };
    await Promise.all(Array.from({ length: 20 }, maker));
  });
  after(() => server[Symbol.asyncDispose]());

  test("list calls return chunks of results", async () => {
    for (let round = 0; round < 3; round++) await rest(17, { token: "", found: 0 });
    assert.equal((await page(total + 1, "", 0)).names.length, total);
  });

  test("a token of a revision that was compacted away gets one that goes on with what is there", async () => {
    const limit = total / 10;
    const first = await page(limit, "", 0);
    const refused = await eventually("the token has expired", compactedMs, async () => {
      // Something has to change for there to be a revision to compact to.
      await api.merge(`${path}/${nameOf(0)}`, {
        metadata: { annotations: { at: String(performance.now()) } },
      });
      const answer = await api.call("GET", `${path}?limit=${limit}&continue=${first.token}`);
      return answer.code === 200 ? undefined : answer;
    });
    assert.deepEqual([refused.code, refused.body["reason"]], [410, "Expired"]);
    const token = textAt(refused.body, "metadata.continue");
    assert.notEqual(token, "");
    const second = await page(limit, token, limit);
    assert.notEqual(second.revision, first.revision);
    assert.equal(second.names.length, limit);
    await rest(limit, { token: second.token, revision: second.revision, found: 2 * limit });
  });
});
