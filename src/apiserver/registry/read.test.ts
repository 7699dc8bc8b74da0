import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeList } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import type { Query, Transport } from "#client/client.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";

const path = "/api/v1/namespaces/default/configmaps";

async function create(
  transport: Transport,
  name: string,
  labels: Record<string, string> = {},
): Promise<string> {
  const { body } = await transport.request({ method: "POST", path, body: { metadata: { name, labels } } });
  return (body as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
}

async function list(transport: Transport, query: Query = {}, at = path): Promise<KubeList> {
  return (await transport.request({ method: "GET", path: at, query })).body as KubeList;
}

const names = ({ items }: KubeList): string[] => items.map(({ metadata }) => metadata?.name ?? "");

async function failureOf(promise: Promise<unknown>): Promise<StatusError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return error;
  }
  assert.fail("it succeeded");
}

async function withFive(run: (transport: Transport, server: TestApiserver) => Promise<void>): Promise<void> {
  await using server = await startTestApiserver();
  const transport = server.transport();
  for (const name of ["c", "a", "e", "b", "d"]) await create(transport, name, { name });
  await run(transport, server);
}

test("a list is sorted and carries the revision it is of", () =>
  withFive(async (transport) => {
    const all = await list(transport);
    assert.deepEqual(names(all), ["a", "b", "c", "d", "e"]);
    assert.equal(all.metadata.resourceVersion, "6");
    assert.equal(all.metadata.continue, undefined);
  }));

test("pages follow each other at the first page's revision, whatever happens meanwhile", () =>
  withFive(async (transport) => {
    const first = await list(transport, { limit: "2" });
    assert.deepEqual(names(first), ["a", "b"]);
    assert.equal(first.metadata.remainingItemCount, 3);
    await create(transport, "bb");
    await transport.request({ method: "DELETE", path: `${path}/d` });
    const second = await list(transport, { limit: "2", continue: first.metadata.continue });
    assert.deepEqual(names(second), ["c", "d"]);
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.equal(second.metadata.remainingItemCount, 1);
    const third = await list(transport, { limit: "2", continue: second.metadata.continue });
    assert.deepEqual(names(third), ["e"]);
    assert.equal(third.metadata.continue, undefined);
  }));

test("a page of a selector has no count of the rest", () =>
  withFive(async (transport) => {
    const page = await list(transport, { limit: "1", labelSelector: "name in (b,d)" });
    assert.deepEqual(names(page), ["b"]);
    assert.equal(page.metadata.remainingItemCount, undefined);
    const rest = await list(transport, {
      limit: "9",
      labelSelector: "name in (b,d)",
      continue: page.metadata.continue,
    });
    assert.deepEqual(names(rest), ["d"]);
  }));

test("pages go across namespaces in the order of their keys", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  for (const namespace of ["a-b", "a", "b"]) {
    for (const name of ["y", "x"]) {
      const at = `/api/v1/namespaces/${namespace}/configmaps`;
      await transport.request({ method: "POST", path: at, body: { metadata: { name } } });
    }
  }
  const seen: string[] = [];
  let token: string | undefined;
  do {
    const page = await list(transport, { limit: "1", continue: token }, "/api/v1/configmaps");
    seen.push(...page.items.map(({ metadata }) => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`));
    token = page.metadata.continue;
  } while (token !== undefined);
  assert.deepEqual(seen, ["a-b/x", "a-b/y", "a/x", "a/y", "b/x", "b/y"]);
});

const foreignToken = (revision: number): string =>
  Buffer.from(`{"v":"meta.k8s.io/v1","rv":${revision},"start":"elsewhere/b\\u0000"}`, "utf8").toString(
    "base64url",
  );

test("a token of another namespace goes on after its name, in the present as in the past", () =>
  withFive(async (transport) => {
    assert.deepEqual(names(await list(transport, { continue: foreignToken(-1) })), ["c", "d", "e"]);
    assert.deepEqual(names(await list(transport, { continue: foreignToken(4) })), ["c", "e"]);
  }));

test("an exact revision shows the past", () =>
  withFive(async (transport) => {
    const past = await list(transport, { resourceVersion: "3", resourceVersionMatch: "Exact" });
    assert.deepEqual(names(past), ["a", "c"]);
    assert.equal(past.metadata.resourceVersion, "3");
    const legacy = await list(transport, { resourceVersion: "3", limit: "1" });
    assert.deepEqual([names(legacy), legacy.metadata.remainingItemCount], [["a"], 1]);
  }));

test("no older than a revision shows the present", () =>
  withFive(async (transport) => {
    const now = await list(transport, { resourceVersion: "3" });
    assert.deepEqual([names(now).length, now.metadata.resourceVersion], [5, "6"]);
    assert.equal(names(await list(transport, { resourceVersion: "0" })).length, 5);
  }));

test("a revision that is not reached in time is 504 with its cause", async () => {
  await using server = await startTestApiserver();
  const stop = new AbortController();
  const request = server
    .transport()
    .request({ method: "GET", path, query: { resourceVersion: "1000" }, signal: stop.signal });
  stop.abort();
  const { status } = await failureOf(request);
  assert.equal(status.code, 504);
  assert.equal(status.message, "Timeout: Too large resource version: 1000, current: 1");
  assert.deepEqual(status.details?.causes, [
    { reason: "ResourceVersionTooLarge", message: "Too large resource version" },
  ]);
});

test("compacted revisions are 410; a token gets a new one that goes on with what is there", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  for (const name of ["a", "b", "c"]) await create(transport, name);
  const first = await list(transport, { limit: "1" });
  await create(transport, "d");
  await server.compact();
  const old = await failureOf(list(transport, { resourceVersion: "2", resourceVersionMatch: "Exact" }));
  assert.deepEqual(
    [old.code, old.reason, old.message],
    [410, "Expired", "The resourceVersion for the provided list is too old."],
  );
  const expired = await failureOf(list(transport, { limit: "1", continue: first.metadata.continue }));
  assert.equal(expired.reason, "Expired");
  const rest = await list(transport, { continue: expired.status.metadata.continue });
  assert.deepEqual(names(rest), ["b", "c", "d"]);
});

const refusals: readonly [name: string, query: Query, code: number, text: RegExp][] = [
  ["a selector that can't be read", { labelSelector: "a in" }, 400, /unable to parse requirement/],
  [
    "an unknown field",
    { fieldSelector: "spec.x=y" },
    400,
    /"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"/,
  ],
  [
    "a match without a revision",
    { resourceVersionMatch: "Exact" },
    422,
    /resourceVersionMatch is forbidden unless resourceVersion is provided/,
  ],
  [
    "an unknown match",
    { resourceVersion: "1", resourceVersionMatch: "Near" },
    422,
    /Unsupported value: "Near"/,
  ],
  [
    "exactly 0",
    { resourceVersion: "0", resourceVersionMatch: "Exact" },
    422,
    /is forbidden for resourceVersion "0"/,
  ],
  ["initial events of a list", { sendInitialEvents: "true" }, 422, /sendInitialEvents is forbidden for list/],
  ["a revision that is no number", { resourceVersion: "x" }, 400, /Invalid value: "x"/],
  ["a limit that is no number", { limit: "x" }, 400, /invalid syntax/],
  ["a token that is none", { continue: "x" }, 400, /continue key is not valid/],
  [
    "a revision with a token",
    {
      resourceVersion: "7",
      continue: Buffer.from('{"v":"meta.k8s.io/v1","rv":2,"start":"default/a"}').toString("base64url"),
    },
    400,
    /not allowed when using continue/,
  ],
];
for (const [name, query, code, text] of refusals) {
  test(`a list refuses ${name}`, async () => {
    await using server = await startTestApiserver();
    const error = await failureOf(list(server.transport(), query));
    assert.equal(error.code, code);
    assert.match(error.message, text);
  });
}
