/** Cases of apiextensions-apiserver/pkg/apis/apiextensions/validation/validation_test.go: TestCostInfo, TestPerCRDEstimatedCost. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { costMax } from "../cel/cost/budget.ts";
import { cel } from "../cel/testing/environment.ts";
import type { JSONSchemaProps } from "../generated/types/apiextensions-v1.ts";
import { fieldErrorText } from "../meta/field-error.ts";
import { CelRuleChecker, type RulePlace } from "./rule-check.ts";
import { RuleCosts } from "./rule-costs.ts";
import { schemaFaults } from "./schema-validation.ts";

type Around = (inner: JSONSchemaProps) => JSONSchemaProps;

const record: Around = (inner) => ({ type: "object", properties: { a: inner } });
const list =
  (maxItems?: number): Around =>
  (items) => ({ type: "array", items, ...(maxItems === undefined ? {} : { maxItems }) });
const map =
  (maxProperties?: number): Around =>
  (additionalProperties) => ({
    type: "object",
    additionalProperties,
    ...(maxProperties === undefined ? {} : { maxProperties }),
  });
const ruled: JSONSchemaProps = { type: "string", "x-kubernetes-validations": [{ rule: "self == 'a'" }] };

suite("how many values there can be at most", () => {
  for (const [name, around, most] of [
    ["a record", [record], 1],
    ["a list", [list(5)], 5],
    ["an unbounded list", [list()], undefined],
    ["a map", [map(10)], 10],
    ["an unbounded map", [map()], undefined],
    ["lists in a map", [map(5), list(5)], 25],
    ["unbounded lists in a map", [map(5), list()], undefined],
    ["lists in an unbounded map", [map(), list(5)], undefined],
    ["records in a list", [list(3), record], 3],
    ["maps in records in a list", [list(2), record, map(4)], 8],
    ["a list of less than none", [list(-5)], 0],
  ] as const) {
    test(name, () => {
      const schema = around.reduceRight((inner, each) => each(inner), ruled);
      const seen: RulePlace[] = [];
      schemaFaults(schema, "s", { check: (_, place) => (seen.push(place), []), total: () => [] });
      assert.deepEqual(
        seen.map(({ cardinality }) => cardinality),
        [most],
      );
    });
  }

  test("more than can be counted cost as much as can be counted", () => {
    const schema = list(Number.MAX_SAFE_INTEGER)(list(Number.MAX_SAFE_INTEGER)(list(100)(ruled)));
    const faults = schemaFaults(schema, "s", new CelRuleChecker(cel, false)).map(fieldErrorText);
    assert.match(faults.join("\n"), /rule: Forbidden: estimated rule cost exceeds budget by factor of more/);
  });
});

suite("what rules cost together", () => {
  const million = 1_000_000;
  for (const [name, costs, dearest, total] of [
    ["none", [], [], 0],
    ["one", [million], [million], million],
    ["one that is too cheap", [0.9 * million], [], 0.9 * million],
    ["two", [5 * million, 25 * million], [25 * million, 5 * million], 30 * million],
    [
      "three, one too cheap",
      [5 * million, 25 * million, 0.9 * million],
      [25 * million, 5 * million],
      30.9 * million,
    ],
    [
      "four",
      [16, 50, 34, 50].map((each) => each * million),
      [50, 50, 34, 16].map((each) => each * million),
      150 * million,
    ],
    [
      "more than are shown",
      [16 * million, 50 * million, 0.9 * million, 34 * million, 50 * million, 50 * million + 1],
      [50 * million + 1, 50 * million, 50 * million, 34 * million],
      200_900_001,
    ],
    ["all there is", [costMax / 2, costMax / 2, 1, 10, 100, 1000], [costMax / 2, costMax / 2], costMax],
  ] as const) {
    test(name, () => {
      const all = new RuleCosts();
      for (const cost of costs) all.add("s", cost);
      assert.deepEqual(
        all.dearest.map(({ cost }) => cost),
        dearest,
      );
      assert.equal(all.total, total);
      assert.equal(all.faults("s").length, total > 100 * million ? dearest.length + 1 : 0);
    });
  }
});
