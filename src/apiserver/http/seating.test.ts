import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { seated } from "./seating.ts";

type Args = Parameters<typeof seated>;

/** After how long who waits for ever is answered, and with what. */
const cases: readonly (readonly [
  what: string,
  method: string,
  target: string,
  ms: number,
  message: RegExp,
])[] = [
  ["a write has 34 s", "POST", "/api/v1/namespaces/a/configmaps", 34_000, /requested timeout - context dead/],
  ["so has a collection's end", "DELETE", "/api/v1/namespaces/a/pods", 34_000, /requested timeout - context/],
  ["or what the client asks for", "POST", "/api/v1/pods?timeout=2s", 2000, /within the allotted timeout$/],
  ["a read has all the time", "GET", "/api/v1/namespaces/a/configmaps", 60_000, /the allotted timeout$/],
  ["and so has what is no resource", "POST", "/version", 60_000, /within the allotted timeout$/],
];
for (const [what, method, target, ms, message] of cases) {
  test(what, async () => {
    const clock = new ManualClock();
    const [path = "", search = ""] = target.split("?");
    const query = new URLSearchParams(search);
    const deps = {
      clock,
      chain: () => new Promise(() => undefined),
      metrics: { endings: { terminated: () => undefined, followLate: () => undefined } },
      turns: (_call: unknown, _visit: unknown, work: () => unknown) => work(),
      requestTimeoutMs: 60_000,
    } as unknown as Args[2];
    const call = { info: parseRequestInfo(method, path, query), query } as unknown as Args[0];
    const visit = {
      exchange: { setHeader: () => undefined },
      target: {},
      kind: { labels: {} },
    } as unknown as Args[1];
    const said: Error[] = [];
    const answered = Promise.resolve(seated(call, visit, deps)).catch((error: Error) => said.push(error));
    await clock.advance(ms - 1);
    assert.equal(said.length, 0);
    await clock.advance(1);
    await answered;
    assert.match(said[0]?.message ?? "", message);
  });
}
