import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod, Toleration } from "#api/generated/types/core-v1.ts";
import { pods } from "#api/resources.ts";
import { attributesOf, run } from "../testing/attributes.ts";
import { DefaultTolerationSeconds } from "./default-toleration-seconds.ts";

const added = (name: string): Toleration => ({
  key: `node.kubernetes.io/${name}`,
  operator: "Exists",
  effect: "NoExecute",
  tolerationSeconds: 300,
});
const notReady = added("not-ready");
const unreachable = added("unreachable");
const own = { ...notReady, tolerationSeconds: 5 };
const schedule = { ...notReady, effect: "NoSchedule" };
const all: Toleration = { operator: "Exists" };

suite("DefaultTolerationSeconds", () => {
  const cases: [string, Toleration[] | undefined, Toleration[] | undefined][] = [
    ["a pod without any gets both", undefined, [notReady, unreachable]],
    ["its own stays", [own], [own, unreachable]],
    ["another effect doesn't count", [schedule], [schedule, notReady, unreachable]],
    ["who tolerates everything gets nothing", [all], [all]],
    [
      "an empty effect means all",
      [{ ...own, effect: undefined }],
      [{ ...own, effect: undefined }, unreachable],
    ],
  ];
  for (const [name, tolerations, expected] of cases) {
    test(name, async () => {
      const object: Pod = { spec: { containers: [], tolerations } };
      await run(new DefaultTolerationSeconds(), attributesOf(pods, { object }));
      assert.deepEqual(object.spec?.tolerations, expected);
    });
  }

  test("each taint has its own time", async () => {
    const object: Pod = { spec: { containers: [] } };
    const plugin = new DefaultTolerationSeconds({ notReadySeconds: 7, unreachableSeconds: 0 });
    await run(plugin, attributesOf(pods, { object }));
    assert.deepEqual(object.spec?.tolerations, [
      { ...notReady, tolerationSeconds: 7 },
      { ...unreachable, tolerationSeconds: 0 },
    ]);
  });

  test("subresources and deletions aren't looked at", async () => {
    const object: Pod = { spec: { containers: [] } };
    const plugin = new DefaultTolerationSeconds();
    await run(plugin, attributesOf(pods, { subresource: "status", object }));
    await run(plugin, attributesOf(pods, { operation: "DELETE", object: undefined, oldObject: object }));
    assert.equal(object.spec?.tolerations, undefined);
  });
});
