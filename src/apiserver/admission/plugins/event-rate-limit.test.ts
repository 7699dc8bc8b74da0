import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import { events } from "#api/resources.ts";
import { ManualClock } from "#base/clock.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { attributesOf, faultOf, run } from "../testing/attributes.ts";
import { EventRateLimit, type EventLimitType } from "./event-rate-limit.ts";

const event = (namespace: string, involved = "p", user = "alice"): AdmissionAttributes =>
  attributesOf(events, {
    object: {
      metadata: { name: "e", namespace },
      source: { component: "kubelet" },
      involvedObject: { kind: "Pod", namespace, name: involved },
    } satisfies Event as AnyObject,
    user: { name: user, groups: [] },
  });

const plugin = (type: EventLimitType, clock = new ManualClock(), cacheSize = 0): EventRateLimit =>
  new EventRateLimit([{ type, qps: 1, burst: 1, cacheSize }], { clock });

test("beyond the burst events are refused with 429, until there is a token again", async () => {
  const clock = new ManualClock();
  const limit = plugin("Server", clock);
  await run(limit, event("a"));
  await assert.rejects(run(limit, event("b")), (error) => {
    assert.ok(error instanceof StatusError);
    const { code, reason, message } = error.status;
    assert.deepEqual(
      [code, reason, message],
      [429, "TooManyRequests", "Too many requests: limit reached on type Server for key "],
    );
    return true;
  });
  await clock.advance(1000);
  assert.equal(await faultOf(limit, event("b")), undefined);
});

test("a server's limit holds whatever it says of a cache, which upstream doesn't look at", async () => {
  const limit = plugin("Server", new ManualClock(), -1);
  assert.equal(await faultOf(limit, event("a")), undefined);
  assert.match((await faultOf(limit, event("a"))) ?? "", /limit reached on type Server/);
});

const cases: [EventLimitType, AdmissionAttributes, AdmissionAttributes, string][] = [
  ["Namespace", event("a", "p"), event("b", "p"), "a"],
  ["User", event("a", "p", "alice"), event("a", "p", "bob"), "alice"],
  ["SourceAndObject", event("a", "p"), event("a", "q"), "kubeletPodap"],
];
for (const [type, first, other, key] of cases) {
  test(`${type}: each has its own bucket`, async () => {
    const limit = plugin(type);
    assert.equal(await faultOf(limit, first), undefined);
    assert.equal(await faultOf(limit, other), undefined);
    assert.equal(
      await faultOf(limit, first),
      `Too many requests: limit reached on type ${type} for key ${key}`,
    );
  });
}

const regarding = (name: string): AdmissionAttributes =>
  attributesOf(events, { object: { regarding: { kind: "Pod", name } } as unknown as AnyObject });

test("an event of events.k8s.io is told apart by what it regards", async () => {
  const limit = plugin("SourceAndObject");
  assert.equal(await faultOf(limit, regarding("p")), undefined);
  assert.equal(await faultOf(limit, regarding("q")), undefined);
  assert.match((await faultOf(limit, regarding("p"))) ?? "", /for key Podp$/);
});
