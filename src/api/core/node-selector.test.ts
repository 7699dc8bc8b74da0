import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { NodeSelectorTerm, Taint, Toleration } from "../generated/types/core-v1.ts";
import { requiredMatch } from "./node-selector.ts";
import { toleratesTaint } from "./tolerations.ts";

const node = { name: "n1", labels: { disk: "ssd", cores: "16", empty: "" } };
const expression = (key: string, operator: string, ...values: string[]): NodeSelectorTerm => ({
  matchExpressions: [{ key, operator, values }],
});

suite("required affinity", () => {
  const cases: readonly [what: string, terms: readonly NodeSelectorTerm[], fits: boolean][] = [
    ["In", [expression("disk", "In", "hdd", "ssd")], true],
    ["In, of a label that isn't there", [expression("zone", "In", "")], false],
    ["NotIn", [expression("disk", "NotIn", "ssd")], false],
    ["NotIn, of a label that isn't there", [expression("zone", "NotIn", "a")], true],
    ["Exists", [expression("empty", "Exists")], true],
    ["DoesNotExist", [expression("empty", "DoesNotExist")], false],
    ["Gt", [expression("cores", "Gt", "8")], true],
    ["Lt", [expression("cores", "Lt", "16")], false],
    // upstream: strconv.ParseInt, which takes neither fractions nor nothing
    ["Gt, of no number", [expression("empty", "Gt", "-1")], false],
    ["Lt, a fraction", [expression("cores", "Lt", "16.5")], false],
    ["an operator that isn't known", [expression("disk", "Like", "s")], false],
    ["an empty term", [{}], false],
    ["no terms", [], false],
    ["one of several terms", [expression("disk", "In", "hdd"), expression("disk", "In", "ssd")], true],
    ["the name", [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }], true],
    ["another field", [{ matchFields: [{ key: "metadata.uid", operator: "Exists" }] }], false],
  ];
  for (const [what, nodeSelectorTerms, fits] of cases) {
    test(what, () => {
      const affinity = {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [...nodeSelectorTerms] },
        },
      };
      const spec = { containers: [], affinity };
      assert.equal(requiredMatch({ spec })?.(node), fits);
      const nodeSelector = { disk: "hdd" };
      assert.equal(
        requiredMatch({ spec: { ...spec, nodeSelector } })?.(node),
        false,
        "the labels count as well",
      );
    });
  }

  test("without any the pod may go anywhere", () => {
    assert.equal(requiredMatch({ spec: { containers: [] } }), undefined);
  });
});

suite("tolerations", () => {
  const taint: Taint = { key: "load", value: "5", effect: "NoExecute" };
  const cases: readonly [toleration: Toleration, isTolerated: boolean][] = [
    [{ operator: "Exists" }, true],
    [{ key: "load", operator: "Exists", effect: "NoExecute" }, true],
    [{ key: "load", operator: "Exists", effect: "NoSchedule" }, false],
    [{ key: "other", operator: "Exists" }, false],
    [{ key: "load", value: "5" }, true],
    [{ key: "load", operator: "Equal", value: "6" }, false],
    [{ key: "load", operator: "Lt", value: "6" }, true],
    [{ key: "load", operator: "Gt", value: "6" }, false],
    [{ key: "load", operator: "Lt", value: "x" }, false],
    [{ key: "load", operator: "Like", value: "5" }, false],
  ];
  for (const [toleration, isTolerated] of cases) {
    test(`${JSON.stringify(toleration)}: ${String(isTolerated)}`, () => {
      assert.equal(toleratesTaint(toleration, taint), isTolerated);
    });
  }

  test("a taint without a value is one with an empty one", () => {
    assert.ok(toleratesTaint({ key: "a" }, { key: "a", effect: "NoSchedule" }));
  });
});
