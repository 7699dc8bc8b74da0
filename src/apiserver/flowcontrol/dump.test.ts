import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { ManualClock } from "#base/clock.ts";
import { flowDump } from "./dump.ts";
import { FlowControl } from "./flow-control.ts";
import { FlowMetrics } from "./flow-metrics.ts";

test("who waits is told with his place in the queue, and who has a seat without one", async () => {
  const clock = new ManualClock();
  const flow = new FlowControl(
    { seats: 1, waitMaxMs: 1000 },
    { clock, metrics: new FlowMetrics(new Registry()) },
  );
  const queuing = { queues: 1, handSize: 1, queueLengthLimit: 9 };
  const limited = { nominalConcurrencyShares: 1, limitResponse: { type: "Queue", queuing } };
  flow.configure(
    [
      {
        metadata: { name: "mine" },
        spec: {
          matchingPrecedence: 9,
          distinguisherMethod: { type: "ByUser" },
          priorityLevelConfiguration: { name: "small" },
          rules: [
            {
              subjects: [{ kind: "User", user: { name: "*" } }],
              resourceRules: [
                { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true },
              ],
            },
          ],
        },
      },
    ],
    [{ metadata: { name: "small" }, spec: { type: "Limited", limited } }],
  );
  const info = parseRequestInfo("GET", "/apis/apps/v1/namespaces/a/deployments/b", new URLSearchParams());
  const user = { name: "jane", groups: [] };
  const classified = flow.classify({ user, info });
  const done = Promise.withResolvers<void>();
  const call = { info, signal: new AbortController().signal };
  const both = [1, 2].map(() => flow.run(classified, 1, () => done.promise, call));
  const shown = (what: string): string =>
    flowDump(
      `/debug/api_priority_and_fairness/dump_${what}`,
      new URLSearchParams("includeRequestDetails=1"),
      flow,
      clock,
    ) ?? "";
  const details = "1, +0, +0s, +\\S+Z, +jane, +get, +/apis/\\S+, +a, +b, +apps/v1, +deployments, +\n";
  assert.match(shown("requests"), new RegExp(`^small, +mine, +0, +0, +jane, +\\S+Z, +${details}`, "m"));
  assert.match(shown("requests"), new RegExp(`^small, +mine, +-1, +-1, +jane, +\\S+Z, +${details}`, "m"));
  assert.match(shown("priority_levels"), /^small, +1, +false, +false, +1, +1, +1, +0, +0, +0$/m);
  assert.match(shown("queues"), /^small, +0, +1, +0, +0, +0\.\d{8}ss, +1, +1, +0\.00300000ss$/m);
  done.resolve();
  for (const each of both) await each;
  assert.equal(shown("requests").split("\n").length, 2);
});
