import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { ManualClock } from "#base/clock.ts";
import { DroppedError } from "./dropped-requests.ts";
import { InFlightLimit, type Asker } from "./in-flight.ts";

const maps = "/api/v1/namespaces/a/configmaps";

class Someone implements Asker {
  readonly info: Asker["info"];
  readonly user: Asker["user"];
  isRefused = false;

  constructor(method: string, target: string, ...groups: string[]) {
    const [path = "", query = ""] = target.split("?");
    this.info = parseRequestInfo(method, path, new URLSearchParams(query));
    this.user = { name: "x", groups };
  }

  refused(): void {
    this.isRefused = true;
  }
}

const limitOf = (reading: number, mutating: number): InFlightLimit =>
  new InFlightLimit({ reading, mutating }, { clock: new ManualClock(), registry: new Registry() });

/** Occupies room until the answer, and says so. */
function hold(limit: InFlightLimit, asker: Asker): { done: Promise<string>; end: (text: string) => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { done: Promise.resolve(limit.run(asker, () => promise)), end: resolve };
}

const isFull = (limit: InFlightLimit, asker: Someone): boolean => {
  try {
    void limit.run(asker, () => undefined);
    assert.ok(!asker.isRefused);
    return false;
  } catch (error) {
    assert.ok(error instanceof DroppedError && error.retryAfterSeconds === 1);
    assert.ok(asker.isRefused);
    return true;
  }
};

const read = (): Someone => new Someone("GET", `${maps}/b`);
const write = (): Someone => new Someone("POST", maps);

test("reading and mutating requests are limited each by themselves, and room comes back with the answer", async () => {
  const limit = limitOf(2, 1);
  const reads = [hold(limit, read()), hold(limit, new Someone("GET", maps))];
  assert.ok(isFull(limit, read()) && isFull(limit, new Someone("GET", "/version")));
  assert.ok(!isFull(limit, write()));
  const writing = hold(limit, write());
  assert.ok(
    isFull(limit, new Someone("PATCH", `${maps}/b`)) && isFull(limit, new Someone("POST", "/version")),
  );
  writing.end("written");
  assert.equal(await writing.done, "written");
  assert.ok(!isFull(limit, write()));
  reads[1]?.end("read");
  await reads[1]?.done;
  assert.ok(!isFull(limit, read()));
});

const fails = (): never => {
  throw new Error("no");
};

test("room comes back from what fails, at once or later", async () => {
  const limit = limitOf(1, 1);
  assert.throws(() => limit.run(write(), fails), /^Error: no$/);
  await assert.rejects(
    Promise.resolve(limit.run(write(), () => Promise.reject(new Error("later")))),
    /later/,
  );
  assert.ok(!isFull(limit, write()));
});

test("who belongs to system:masters is let through, and what lasts is not counted", () => {
  const limit = limitOf(1, 1);
  hold(limit, new Someone("GET", `${maps}?watch=true`));
  hold(limit, new Someone("GET", "/api/v1/namespaces/a/pods/b/log"));
  hold(limit, new Someone("POST", "/api/v1/namespaces/a/pods/b/exec"));
  assert.ok(!isFull(limit, read()) && !isFull(limit, write()));
  hold(limit, read());
  assert.ok(!isFull(limit, new Someone("GET", maps, "system:authenticated", "system:masters")));
  assert.ok(!isFull(limit, new Someone("GET", `${maps}?watch=true`)));
  assert.ok(isFull(limit, new Someone("GET", maps, "system:authenticated")));
});

test("0 is no limit, of either kind", () => {
  const limit = limitOf(0, 1);
  for (let n = 0; n < 1000; n++) hold(limit, read());
  assert.ok(!isFull(limit, read()));
  hold(limit, write());
  assert.ok(isFull(limit, write()));
});

test("how much of each limit was used is told; nothing where there is none", async () => {
  const [clock, registry] = [new ManualClock(), new Registry()];
  const limit = new InFlightLimit({ reading: 4, mutating: 0 }, { clock, registry });
  hold(limit, read());
  hold(limit, write());
  await clock.advance(8);
  const text = await metricsText(registry);
  const sum = (kind: string): number =>
    valueIn(text, "apiserver_flowcontrol_read_vs_write_current_requests_sum", {
      phase: "executing",
      request_kind: kind,
    });
  assert.deepEqual([sum("readOnly"), sum("mutating")], [2e6, 0]);
  assert.doesNotMatch(text, /phase="waiting"|current_inqueue/);
  await clock.advance(992);
  const most = "apiserver_current_inflight_requests";
  const told = await metricsText(registry);
  assert.deepEqual(
    ["readOnly", "mutating"].map((kind) => valueIn(told, most, { request_kind: kind })),
    [1, 0],
  );
  const unlimited = new Registry();
  const free = new InFlightLimit({ reading: 0, mutating: 0 }, { clock, registry: unlimited });
  hold(free, read());
  assert.doesNotMatch(await metricsText(unlimited), /read_vs_write_current_requests_/);
});
