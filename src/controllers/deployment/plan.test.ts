import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "#api/generated/types/apps-v1.ts";
import { templateHash } from "./hash.ts";
import { planRolling, planScale } from "./plan.ts";
import {
  findNewSet,
  newSetAnnotations,
  rollingBounds,
  sameTemplate,
  totalTerminating,
} from "./replica-sets.ts";
import { conditionOf, msUntilDeadline, rolloutStatus } from "./status.ts";

const now = Date.parse("2026-01-01T01:00:00Z");

interface Size {
  readonly replicas: number;
  readonly maxSurge?: number | string;
  readonly maxUnavailable?: number | string;
  readonly type?: string;
}

function deployment(
  { replicas, maxSurge, maxUnavailable, type }: Size,
  more: Partial<Deployment> = {},
): Deployment {
  return {
    metadata: { name: "web", namespace: "default", generation: 2 },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: {},
      progressDeadlineSeconds: 600,
      strategy: {
        type: type ?? "RollingUpdate",
        rollingUpdate: { maxSurge: maxSurge ?? "25%", maxUnavailable: maxUnavailable ?? "25%" },
      },
    },
    ...more,
  };
}

/** [spec, available] */
function set(
  name: string,
  spec: number,
  available = spec,
  annotations: Record<string, string> = {},
): ReplicaSet {
  return {
    metadata: { name, annotations, creationTimestamp: `2026-01-01T00:00:0${name.length}Z` },
    spec: { replicas: spec, selector: {} },
    status: { replicas: spec, availableReplicas: available, readyReplicas: available },
  };
}

const sizes = (plan: readonly { set: ReplicaSet; replicas: number }[]): [string, number][] =>
  plan.map(({ set: { metadata }, replicas }) => [metadata?.name ?? "", replicas]);

const rolling: readonly [string, Size, ReplicaSet, ReplicaSet[], [string, number][]][] = [
  [
    "grows the new set by the surge",
    { replicas: 10, maxSurge: 2 },
    set("new", 0),
    [set("o", 10)],
    [["new", 2]],
  ],
  [
    "doesn't grow beyond the surge",
    { replicas: 10, maxSurge: 2, maxUnavailable: 0 },
    set("new", 2, 0),
    [set("o", 10)],
    [],
  ],
  [
    "shrinks the old set by what the new one serves",
    { replicas: 10, maxSurge: 2, maxUnavailable: 0 },
    set("new", 2, 2),
    [set("o", 10)],
    [["o", 8]],
  ],
  [
    "shrinks by what may be unavailable",
    { replicas: 10, maxSurge: 2, maxUnavailable: 2 },
    set("new", 2, 0),
    [set("o", 10)],
    [["o", 8]],
  ],
  [
    "takes pods that serve nobody first",
    { replicas: 10, maxSurge: 0, maxUnavailable: 2 },
    set("new", 0),
    [set("o", 10, 8)],
    [["o", 8]],
  ],
  ["shrinks a new set that is too big", { replicas: 2 }, set("new", 5), [], [["new", 2]]],
  ["has nothing to do at the end", { replicas: 3 }, set("new", 3), [set("o", 0)], []],
  [
    "takes the oldest first",
    { replicas: 4, maxSurge: 0, maxUnavailable: 1 },
    set("newest", 1, 1),
    [set("oo", 2), set("o", 1)],
    [["o", 0]],
  ],
];
for (const [name, size, newSet, old, expected] of rolling) {
  test(`planRolling ${name}`, () => {
    assert.deepEqual(sizes(planRolling(deployment(size), newSet, old)), expected);
  });
}

const sized = {
  "deployment.kubernetes.io/desired-replicas": "10",
  "deployment.kubernetes.io/max-replicas": "12",
};
const scaling: readonly [string, Size, ReplicaSet | undefined, ReplicaSet[], [string, number][]][] = [
  ["the only active set takes it all", { replicas: 5 }, set("new", 3), [set("o", 0)], [["new", 5]]],
  ["the newest set when none has pods", { replicas: 5 }, set("new", 0), [set("o", 0)], [["new", 5]]],
  [
    "a saturated rollout drops the old",
    { replicas: 3 },
    set("new", 3, 3, { "deployment.kubernetes.io/desired-replicas": "3" }),
    [set("o", 1)],
    [["o", 0]],
  ],
  [
    "in the middle each gets its share",
    { replicas: 20, maxSurge: 2, maxUnavailable: 1 },
    set("new", 4, 4, sized),
    [set("o", 8, 8, sized)],
    [
      ["o", 15],
      ["new", 7],
    ],
  ],
];
for (const [name, size, newSet, old, expected] of scaling) {
  test(`planScale: ${name}`, () => {
    assert.deepEqual(sizes(planScale(deployment(size), newSet, old)), expected);
  });
}

test("percentages round up for surge, down for unavailability, and never both to nothing", () => {
  assert.deepEqual(rollingBounds(deployment({ replicas: 10 })), { maxSurge: 3, maxUnavailable: 2 });
  assert.deepEqual(rollingBounds(deployment({ replicas: 1, maxSurge: 0, maxUnavailable: "25%" })), {
    maxSurge: 0,
    maxUnavailable: 1,
  });
});

test("templates are the same whatever the order of their keys, and whatever the hash label", () => {
  const a = {
    metadata: { labels: { app: "web", "pod-template-hash": "x" } },
    spec: { containers: [{ name: "m", image: "i" }] },
  };
  const b = { spec: { containers: [{ image: "i", name: "m" }] }, metadata: { labels: { app: "web" } } };
  assert.equal(sameTemplate(a, b), true);
  assert.equal(sameTemplate(a, { ...b, spec: { containers: [{ name: "m", image: "j" }] } }), false);
  assert.equal(templateHash(b, undefined), templateHash({ ...b }, undefined));
  assert.notEqual(templateHash(b, undefined), templateHash(b, 1));
  assert.match(templateHash(b, undefined), /^[bcdfghjklmnpqrstvwxz2456789]{5,10}$/);
  assert.equal(
    findNewSet(
      { ...deployment({ replicas: 1 }), spec: { ...deployment({ replicas: 1 }).spec!, template: b } },
      [{ ...set("n", 1), spec: { selector: {}, template: a } }],
    )?.metadata?.name,
    "n",
  );
});

test("a set that becomes current again gets the next revision and remembers its old one", () => {
  const annotations = newSetAnnotations(
    deployment({ replicas: 1 }),
    { "deployment.kubernetes.io/revision": "1" },
    3,
  );
  assert.equal(annotations["deployment.kubernetes.io/revision"], "3");
  assert.equal(annotations["deployment.kubernetes.io/revision-history"], "1");
});

const progressing = (reason: string, lastUpdateTime: string) => ({
  conditions: [
    { type: "Progressing", status: "True", reason, lastUpdateTime, lastTransitionTime: lastUpdateTime },
  ],
});

const told = (terminatingReplicas: number | undefined, observedGeneration = 1): ReplicaSet => ({
  metadata: { name: "s" },
  status: {
    replicas: 0,
    observedGeneration,
    ...(terminatingReplicas === undefined ? {} : { terminatingReplicas }),
  },
});

test("a deployment tells of pods on their way out once all its sets do", () => {
  const cases: [readonly ReplicaSet[], number | undefined][] = [
    [[], 0],
    [[told(3), told(1)], 4],
    [[told(3), told(undefined, 0)], 3],
    [[told(3), told(undefined)], undefined],
  ];
  for (const [sets, expected] of cases) assert.equal(totalTerminating(sets), expected);
});

test("a finished rollout says so", () => {
  const newSet = set("new", 3);
  const status = rolloutStatus(deployment({ replicas: 3 }), { newSet, old: [] }, now);
  assert.equal(conditionOf(status, "Progressing")?.message, 'ReplicaSet "new" has successfully progressed.');
  assert.equal(conditionOf(status, "Available")?.reason, "MinimumReplicasAvailable");
  assert.equal(status.availableReplicas, 3);
});

test("a rollout that doesn't move for its deadline has failed, not a second earlier", () => {
  const stuck = deployment(
    { replicas: 3, maxUnavailable: 0 },
    {
      status: {
        replicas: 3,
        updatedReplicas: 3,
        ...progressing("ReplicaSetUpdated", "2026-01-01T00:50:30Z"),
      },
    },
  );
  const sets = { newSet: set("new", 3, 0), old: [] };
  const early = rolloutStatus(stuck, sets, now);
  assert.equal(conditionOf(early, "Progressing")?.reason, "ReplicaSetUpdated");
  assert.equal(msUntilDeadline(stuck, early, now), 31_000);
  const late = rolloutStatus(stuck, sets, now + 31_000);
  assert.equal(conditionOf(late, "Progressing")?.reason, "ProgressDeadlineExceeded");
  assert.equal(msUntilDeadline(stuck, late, now), undefined);
});
