import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod, PodSpec } from "#api/generated/types/core-v1.ts";
import type { PriorityClass } from "#api/generated/types/scheduling-v1.ts";
import { pods, priorityClasses } from "#api/resources.ts";
import { MemoryApi, refusal } from "#apiserver/authz/testing/memory-api.ts";
import { systemPriorityClasses } from "#apiserver/bootstrap/system-objects.ts";
import { attributesOf, run } from "../testing/attributes.ts";
import { Priority } from "./priority.ts";

const high: PriorityClass = { metadata: { name: "high" }, value: 1000, preemptionPolicy: "Never" };
const usual: PriorityClass = {
  metadata: { name: "usual" },
  value: 10,
  globalDefault: true,
  preemptionPolicy: "PreemptLowerPriority",
};

function setup(...classes: PriorityClass[]): Priority {
  const api = new MemoryApi();
  api.seed(priorityClasses, ...systemPriorityClasses(), ...classes);
  return new Priority({ informers: api, client: api });
}

const alsoDefault: PriorityClass = { ...high, globalDefault: true };
const podWith = (spec: Partial<PodSpec>): Pod => ({
  metadata: { name: "web" },
  spec: { containers: [], ...spec },
});

suite("Priority", () => {
  type Given = Partial<Pick<PodSpec, "priorityClassName" | "priority" | "preemptionPolicy">>;
  const preempts = "PreemptLowerPriority";
  const cases: [string, Given, PriorityClass[], Given][] = [
    ["no class: zero", {}, [], { priority: 0, preemptionPolicy: preempts }],
    [
      "a default class",
      {},
      [usual],
      { priorityClassName: "usual", priority: 10, preemptionPolicy: preempts },
    ],
    [
      "the lowest of two defaults",
      {},
      [alsoDefault, usual],
      { priorityClassName: "usual", priority: 10, preemptionPolicy: preempts },
    ],
    [
      "the class it names",
      { priorityClassName: "high" },
      [high, usual],
      { priorityClassName: "high", priority: 1000, preemptionPolicy: "Never" },
    ],
    [
      "the system's",
      { priorityClassName: "system-node-critical" },
      [],
      { priorityClassName: "system-node-critical", priority: 2_000_001_000, preemptionPolicy: preempts },
    ],
    [
      "the same number given",
      { priorityClassName: "high", priority: 1000, preemptionPolicy: "Never" },
      [high],
      { priorityClassName: "high", priority: 1000, preemptionPolicy: "Never" },
    ],
  ];
  for (const [name, given, classes, expected] of cases) {
    test(name, async () => {
      const object = podWith(given);
      await run(setup(...classes), attributesOf(pods, { object }));
      assert.deepEqual(object.spec, { containers: [], ...expected });
    });
  }

  const refusals: [string, Given, string][] = [
    ["a class that isn't there", { priorityClassName: "gone" }, "no PriorityClass with name gone was found"],
    [
      "another number",
      { priorityClassName: "high", priority: 1 },
      "the integer value of priority (1) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name",
    ],
    [
      "another policy",
      { priorityClassName: "high", preemptionPolicy: preempts },
      `the string value of PreemptionPolicy (${preempts}) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name`,
    ],
  ];
  for (const [name, given, why] of refusals) {
    test(`refuses ${name}`, async () => {
      const attributes = attributesOf(pods, { object: podWith(given) });
      assert.deepEqual(await refusal(() => run(setup(high), attributes)), {
        code: 403,
        message: `pods "web" is forbidden: ${why}`,
      });
    });
  }

  test("an update keeps what it leaves out", async () => {
    const object = podWith({});
    const oldObject = podWith({ priority: 7, preemptionPolicy: "Never" });
    await run(setup(), attributesOf(pods, { operation: "UPDATE", object, oldObject }));
    assert.deepEqual(object.spec, { containers: [], priority: 7, preemptionPolicy: "Never" });
  });

  test("there is one default class at most", async () => {
    const plugin = setup(usual);
    const second = attributesOf(priorityClasses, { object: alsoDefault });
    assert.deepEqual(await refusal(() => run(plugin, second)), {
      code: 403,
      message:
        'priorityclasses.scheduling.k8s.io "high" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    });
    await run(
      plugin,
      attributesOf(priorityClasses, { operation: "UPDATE", object: usual, oldObject: usual }),
    );
    await run(plugin, attributesOf(priorityClasses, { object: high }));
  });
});
