import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { podConditions } from "./conditions.ts";
import { statuses, podOf } from "./testing/pod-of.ts";

const conditionCases: readonly (readonly [
  name: string,
  pod: Pod,
  main: string,
  init: string,
  phase: "Pending" | "Running" | "Succeeded" | "Failed",
  expected: string[],
])[] = [
  [
    "all is well",
    podOf("Always", "a"),
    "a:running",
    "",
    "Running",
    ["Initialized True", "Ready True", "ContainersReady True"],
  ],
  [
    "one isn't ready",
    podOf("Always", "a b"),
    "a:running b:waiting",
    "",
    "Pending",
    [
      "Initialized True",
      "Ready False ContainersNotReady containers with unready status: [b]",
      "ContainersReady False ContainersNotReady containers with unready status: [b]",
    ],
  ],
  [
    "nothing is known",
    podOf("Always", "a"),
    "",
    "",
    "Pending",
    [
      "Initialized True",
      "Ready False ContainersNotReady containers with unknown status: [a]",
      "ContainersReady False ContainersNotReady containers with unknown status: [a]",
    ],
  ],
  [
    "initialising",
    podOf("Always", "a", "i j"),
    "a:waiting",
    "i:running j:waiting",
    "Pending",
    [
      "Initialized False ContainersNotInitialized containers with incomplete status: [i j]",
      "Ready False ContainersNotReady containers with unready status: [a]",
      "ContainersReady False ContainersNotReady containers with unready status: [a]",
    ],
  ],
  [
    "succeeded",
    podOf("Never", "a"),
    "a:0",
    "",
    "Succeeded",
    ["Initialized True PodCompleted", "Ready False PodCompleted", "ContainersReady False PodCompleted"],
  ],
  [
    "failed",
    podOf("Never", "a"),
    "a:1",
    "",
    "Failed",
    ["Initialized True", "Ready False PodFailed", "ContainersReady False PodFailed"],
  ],
  [
    "a readiness gate",
    {
      ...podOf("Always", "a"),
      spec: {
        containers: [{ name: "a" }],
        readinessGates: [{ conditionType: "lb" }, { conditionType: "x" }],
      },
      status: { conditions: [{ type: "x", status: "False" }] },
    },
    "a:running",
    "",
    "Running",
    [
      "Initialized True",
      'Ready False ReadinessGatesNotReady corresponding condition of pod readiness gate "lb" does not exist., the status of pod readiness gate "x" is not "True", but False',
      "ContainersReady True",
    ],
  ],
];
for (const [name, pod, main, init, phase, expected] of conditionCases) {
  test(`conditions when ${name}`, () => {
    const initStatuses = statuses(init).map((one) => ({
      ...one,
      ready: one.state?.terminated?.exitCode === 0,
    }));
    const verdicts = podConditions({ pod, phase, initStatuses, statuses: statuses(main), hasSandbox: true });
    assert.deepEqual(
      verdicts
        .slice(1, 4)
        .map(({ type, status, reason, message }) =>
          [type, status, reason, message].filter(Boolean).join(" "),
        ),
      expected,
    );
  });
}
