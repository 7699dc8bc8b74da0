import assert from "node:assert/strict";
import { test } from "node:test";
import { toRfc3339 } from "#base/clock.ts";
import { nextTime } from "./schedule.ts";

const from = Date.UTC(2026, 0, 1, 10, 7, 30);

const cases: readonly [schedule: string, next: string][] = [
  ["CRON_TZ=UTC 0 */12 * * *", "2026-01-01T12:00:00Z"],
  ["TZ=UTC */5 * * * *", "2026-01-01T10:10:00Z"],
  ["TZ=UTC 0 0 ? * mon", "2026-01-05T00:00:00Z"],
  // Day of the month or day of the week, when both are given.
  ["TZ=UTC 0 0 15 * sat", "2026-01-03T00:00:00Z"],
  ["TZ=Asia/Tokyo 0 0 * * *", "2026-01-01T15:00:00Z"],
  ["@every 1h30m", "2026-01-01T11:37:30Z"],
  ["@every 10ms", "2026-01-01T10:07:31Z"],
  ["TZ=UTC @hourly", "2026-01-01T11:00:00Z"],
];

for (const [schedule, next] of cases) {
  test(`after 10:07:30 "${schedule}" is due at ${next}`, () => {
    assert.equal(toRfc3339(nextTime(schedule, from)), next);
  });
}
