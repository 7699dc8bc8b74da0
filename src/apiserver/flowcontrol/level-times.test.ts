import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import type { FlowSchema, PriorityLevelConfiguration } from "#api/generated/types/flowcontrol-v1.ts";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { FlowControl } from "./flow-control.ts";
import { FlowMetrics } from "./flow-metrics.ts";
import { PeriodIntegrator, periodMs, TimedTally } from "./level-times.ts";

const ns = 1e6;

test("a ratio is counted for every nanosecond that it held", () => {
  const tally = new TimedTally([0, 0.5, 1], 100);
  tally.set(0.25, 110);
  tally.set(0.75, 112);
  tally.set(0.75, 113);
  tally.set(2, 117);
  tally.upTo(118);
  assert.deepEqual(tally.counts, [10 * ns, 2 * ns, 5 * ns, 1 * ns]);
  assert.equal(tally.sum, (0.25 * 2 + 0.75 * 5 + 2) * ns);
});

suite("of a period", () => {
  test("nothing is told before it is over", () => {
    const integrator = new PeriodIntegrator(0);
    integrator.set(3, 0);
    assert.equal(integrator.last(periodMs - 1), undefined);
    assert.deepEqual(integrator.last(periodMs), { highest: 3, average: 3, deviation: 0 });
  });

  test("the highest value, the average and the deviation are told, weighted by time", () => {
    const integrator = new PeriodIntegrator(0);
    integrator.set(4, periodMs / 2);
    integrator.set(9, periodMs - 1);
    integrator.set(0, periodMs - 1);
    assert.deepEqual(integrator.last(periodMs + 1)?.highest, 9);
    const { average = 0, deviation = 0 } = integrator.last(periodMs + 1) ?? {};
    const held = (periodMs / 2 - 1) / periodMs;
    assert.equal(average, 4 * held);
    assert.ok(Math.abs(deviation - Math.sqrt(16 * held - average * average)) < 1e-9);
  });

  test("after periods in which nothing happened the last of them counts, and a value goes on", () => {
    const integrator = new PeriodIntegrator(0);
    integrator.set(4, 10);
    assert.deepEqual(integrator.last(5 * periodMs), { highest: 4, average: 4, deviation: 0 });
    integrator.set(1, 5 * periodMs + 1);
    integrator.set(2, 5 * periodMs + 2);
    assert.equal(integrator.last(6 * periodMs)?.highest, 4);
    assert.equal(integrator.last(7 * periodMs)?.highest, 2);
  });
});

const everything = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true },
];

const schema: FlowSchema = {
  metadata: { name: "to-narrow" },
  spec: {
    priorityLevelConfiguration: { name: "narrow" },
    matchingPrecedence: 500,
    rules: [
      {
        subjects: [{ kind: "Group", group: { name: "system:authenticated" } }],
        resourceRules: everything,
      },
    ],
  },
};

const level: PriorityLevelConfiguration = {
  metadata: { name: "narrow" },
  spec: {
    type: "Limited",
    limited: {
      nominalConcurrencyShares: 1,
      borrowingLimitPercent: 0,
      limitResponse: { type: "Queue", queuing: { queues: 1, handSize: 1, queueLengthLimit: 4 } },
    },
  },
};

const maps = "/api/v1/namespaces/default/configmaps";
const of = { priority_level: "narrow" };

class World {
  readonly registry = new Registry();
  readonly clock = new ManualClock();
  readonly flow = new FlowControl(
    { seats: 4, waitMaxMs: 60_000 },
    { clock: this.clock, metrics: new FlowMetrics(this.registry) },
  );

  constructor() {
    this.flow.configure([schema], [level]);
  }

  /** Answers what ends it. */
  ask(method: string): { readonly done: Promise<void>; readonly end: () => void } {
    const gate = Promise.withResolvers<void>();
    const info = parseRequestInfo(method, maps, new URLSearchParams());
    const user = { name: "alice", groups: ["system:authenticated"] };
    const waiter = { info, signal: new AbortController().signal };
    const classified = this.flow.classify({ user, info });
    const done = Promise.resolve(this.flow.run(classified, 1, () => gate.promise, waiter));
    return { done, end: gate.resolve };
  }

  async value(rest: string, labels: Readonly<Record<string, string>>): Promise<number> {
    return valueIn(await metricsText(this.registry), `apiserver_flowcontrol_${rest}`, labels);
  }
}

test("what runs and what waits is told by how long it did, as a part of the limits", async () => {
  const world = new World();
  const { currentLimit = 0 } = [...world.flow.levels].find(({ name }) => name === "narrow") ?? {};
  // Of four seats for its one share and catch-all's five.
  assert.equal(currentLimit, 1);
  await world.clock.advance(1000);
  const running = world.ask("GET");
  await world.clock.advance(200);
  const waiting = world.ask("POST");
  await world.clock.advance(30);
  const seats = "priority_level_seat_utilization";
  const requests = "priority_level_request_utilization";
  const executing = { ...of, phase: "executing" };
  assert.equal(await world.value(`${seats}_count`, executing), 1230 * ns);
  assert.equal(await world.value(`${seats}_bucket`, { ...executing, le: "0.99" }), 1000 * ns);
  assert.equal(await world.value(`${seats}_bucket`, { ...executing, le: "1" }), 1230 * ns);
  assert.equal(await world.value(`${seats}_sum`, executing), 230 * ns);
  assert.equal(await world.value(`${requests}_sum`, executing), 230 * ns);
  // One of four that the queue takes.
  assert.equal(await world.value(`${requests}_sum`, { ...of, phase: "waiting" }), (30 / 4) * ns);
  assert.equal(await world.value(`${requests}_bucket`, { ...of, phase: "waiting", le: "0.25" }), 1230 * ns);
  assert.equal(await world.value(`${requests}_bucket`, { ...of, phase: "waiting", le: "0.1" }), 1200 * ns);
  // Both want a seat, of one.
  assert.equal(await world.value("demand_seats_sum", of), (200 + 2 * 30) * ns);
  assert.equal(await world.value("demand_seats_bucket", { ...of, le: "1.7" }), 1200 * ns);
  const kinds = "read_vs_write_current_requests_sum";
  const reading = await world.value(kinds, { phase: "executing", request_kind: "readOnly" });
  const nominal = [...world.flow.levels].reduce((sum, each) => sum + each.options.nominalSeats, 0);
  assert.ok(Math.abs(reading - (230 / nominal) * ns) < 1, String(reading));
  assert.equal(await world.value(kinds, { phase: "executing", request_kind: "mutating" }), 0);
  assert.equal(await world.value(kinds, { phase: "waiting", request_kind: "mutating" }), (30 / 4) * ns);
  assert.equal(await world.value(kinds, { phase: "waiting", request_kind: "readOnly" }), 0);
  // It had its turn when it came, and found no seat.
  assert.equal(await world.value("request_dispatch_no_accommodation_total", of), 1);
  assert.equal(await world.value("demand_seats_high_watermark", of), 0);
  running.end();
  await settle();
  waiting.end();
  await Promise.all([running.done, waiting.done]);
  await world.clock.advance(periodMs);
  assert.equal(await world.value("demand_seats_high_watermark", of), 2);
  assert.equal(await world.value("demand_seats_average", of), (200 + 2 * 30) / periodMs);
  assert.ok((await world.value("demand_seats_stdev", of)) > 0);
  assert.equal(await world.value("demand_seats_sum", of), (200 + 2 * 30) * ns);
  await world.clock.advance(periodMs);
  assert.equal(await world.value("demand_seats_high_watermark", of), 0);
});

test("a level that is gone is told of no more", async () => {
  const world = new World();
  const name = "priority_level_seat_utilization_count";
  await world.clock.advance(5);
  assert.equal(await world.value(name, of), 5 * ns);
  world.flow.configure([], []);
  assert.doesNotMatch(await metricsText(world.registry), /narrow/);
});
