/** Cases of upstream's pkg/registry/discovery/endpointslice/strategy_test.go (Test_dropTopologyOnV1), of requests for v1. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import type { StrategyContext } from "../strategy.ts";
import { sliceAdjustments } from "./endpoint-slices.ts";

/** An endpoint: its host's name, its node's, and the topology of old, of which a text is the node's name. */
type Endpoint = readonly [hostname: string, nodeName?: string, topology?: string | Record<string, string>];

const node = "kubernetes.io/hostname";
const other = { key: "value" };

const sliceOf = (endpoints: readonly Endpoint[]): AnyObject => ({
  metadata: {},
  endpoints: endpoints.map(([hostname, nodeName = "", topology]) => ({
    ...(hostname === "" ? {} : { hostname }),
    ...(nodeName === "" ? {} : { nodeName }),
    ...(topology === undefined
      ? {}
      : { deprecatedTopology: typeof topology === "string" ? { [node]: topology } : topology }),
  })),
});

type Case = readonly [
  before: readonly Endpoint[] | undefined,
  sent: readonly Endpoint[],
  kept: readonly Endpoint[],
];

const cases: readonly Case[] = [
  [undefined, [["h"], ["h"]], [["h"], ["h"]]],
  [
    undefined,
    [
      ["", "", other],
      ["", "", other],
    ],
    [[""], [""]],
  ],
  [undefined, [["h", "", "n1"]], [["h"]]],
  [[["", "n1", other]], [["", "n1", other]], [["", "n1", other]]],
  [[["", "", other]], [["h", "", "n1"]], [["h"]]],
  [
    [
      ["h", "", { [node]: "n1", ...other }],
      ["h", "", { [node]: "n1", foo: "bar" }],
    ],
    [
      ["a", "", { [node]: "n1", ...other }],
      ["b", "", { [node]: "n1", foo: "bar" }],
    ],
    [
      ["a", "n1"],
      ["b", "n1"],
    ],
  ],
  [
    [
      ["h", "", "n1"],
      ["h", "", "n2"],
    ],
    [
      ["a", "", "n2"],
      ["b", "", "n1"],
    ],
    [
      ["a", "n2"],
      ["b", "n1"],
    ],
  ],
  [
    [
      ["h", "", "n1"],
      ["h", "", "n2"],
    ],
    [
      ["a", "", "n3"],
      ["b", "", "n1"],
    ],
    [["a"], ["b", "n1"]],
  ],
  [
    [
      ["h", "", "n1"],
      ["h", "", "n1"],
    ],
    [
      ["a", "", "n1"],
      ["b", "n2", "n1"],
    ],
    [
      ["a", "n1"],
      ["b", "n2"],
    ],
  ],
  [
    [
      ["h", "", "n1"],
      ["h", "", "n1"],
    ],
    [
      ["a", "n1", "n1"],
      ["b", "n2", "n1"],
    ],
    [
      ["a", "n1"],
      ["b", "n2"],
    ],
  ],
  [
    [
      ["a", "", "n1"],
      ["b", "", "not a node"],
      ["c", "", "n3"],
    ],
    [
      ["a", "", "n1"],
      ["b", "", "not a node"],
      ["c", "n4"],
    ],
    [["a", "n1"], ["b"], ["c", "n4"]],
  ],
];

const context: StrategyContext = {
  now: "2026-01-01T00:00:00Z",
  dryRun: false,
  requestVersion: "discovery.k8s.io/v1",
  user: { name: "u", groups: [] },
  warn: () => undefined,
};

for (const [before, sent, kept] of cases) {
  test(`${JSON.stringify(before)} becomes ${JSON.stringify(sent)}`, () => {
    const slice = sliceOf(sent);
    if (before === undefined) sliceAdjustments.create?.(slice, context);
    else sliceAdjustments.update?.(slice, sliceOf(before), context);
    assert.deepEqual(slice, sliceOf(kept));
  });
}
