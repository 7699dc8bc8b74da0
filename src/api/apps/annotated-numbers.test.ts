import assert from "node:assert/strict";
import { test } from "node:test";
import { settleAnnotatedNumbers } from "./annotated-numbers.ts";

const [generation, rollback] = [
  "deprecated.daemonset.template.generation",
  "deprecated.deployment.rollback.to",
] as const;
const failed = `failed to parse annotation[${rollback}]=`;

/** The annotation that is sent, then what becomes of it. */
const cases: readonly (readonly [kind: string, name: string, text: string, kept: string])[] = [
  ["DaemonSet", generation, "7", "7"],
  ["DaemonSet", generation, "+07", "7"],
  ["DaemonSet", generation, "-1", "-1"],
  ["DaemonSet", generation, "9223372036854775807", "9223372036854775807"],
  ["DaemonSet", generation, "x", 'strconv.ParseInt: parsing "x": invalid syntax'],
  ["DaemonSet", generation, "", 'strconv.ParseInt: parsing "": invalid syntax'],
  ["DaemonSet", generation, "1_0", 'strconv.ParseInt: parsing "1_0": invalid syntax'],
  [
    "DaemonSet",
    generation,
    "9223372036854775808",
    'strconv.ParseInt: parsing "9223372036854775808": value out of range',
  ],
  ["DaemonSet", rollback, "x", "x"],
  ["Deployment", generation, "x", "x"],
  ["Deployment", rollback, "07", "7"],
  ["Deployment", rollback, "", ""],
  ["Deployment", rollback, "x", `${failed}x as int64: strconv.ParseInt: parsing "x": invalid syntax`],
];

for (const [kind, name, text, kept] of cases) {
  test(`${name}=${text} of a ${kind}: ${kept}`, () => {
    const annotations = { [name]: text };
    try {
      settleAnnotatedNumbers(kind, { metadata: { annotations } });
    } catch (error) {
      assert.equal(String(error), `DecodeError: ${kept}`);
      return;
    }
    assert.deepEqual(annotations, { [name]: kept });
  });
}
