import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Node, Taint } from "#api/generated/types/core-v1.ts";
import { nodes } from "#api/resources.ts";
import { attributesOf, run } from "../testing/attributes.ts";
import { TaintNodesByCondition } from "./taint-nodes-by-condition.ts";

const notReady = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };
const evicting = { ...notReady, effect: "NoExecute" };

suite("TaintNodesByCondition", () => {
  const cases: [string, Taint[] | undefined, string, Taint[] | undefined][] = [
    ["a new node is tainted", undefined, "", [notReady]],
    ["once", [notReady], "", [notReady]],
    ["other effects don't count", [evicting], "", [evicting, notReady]],
    ["subresources aren't looked at", undefined, "status", undefined],
  ];
  for (const [name, taints, subresource, expected] of cases) {
    test(name, async () => {
      const object: Node = { metadata: { name: "n1" }, spec: { taints } };
      await run(new TaintNodesByCondition(), attributesOf(nodes, { subresource, object }));
      assert.deepEqual(object.spec?.taints, expected);
    });
  }

  test("an update isn't touched", () => {
    assert.equal(new TaintNodesByCondition().handles("UPDATE"), false);
  });
});
