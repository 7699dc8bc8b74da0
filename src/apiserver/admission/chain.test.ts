import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { configMaps } from "#api/resources.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { AdmissionChain } from "./chain.ts";
import { attributesOf } from "./testing/attributes.ts";

suite("the chain", () => {
  test("asks all plugins that handle the operation, in order", async () => {
    const asked: string[] = [];
    const plugin = (name: string, operation: string): AdmissionPlugin => ({
      name,
      handles: (candidate) => candidate === operation,
      admit: async () => {
        asked.push(`admit ${name}`);
      },
      validate: async () => {
        asked.push(`validate ${name}`);
      },
    });
    const chain = new AdmissionChain([
      plugin("a", "CREATE"),
      plugin("b", "DELETE"),
      plugin("c", "CREATE"),
      { name: "d", handles: () => true },
    ]);
    const attributes = attributesOf(configMaps, { object: {} });
    await chain.admit(attributes);
    await chain.validate(attributes);
    assert.deepEqual(asked, ["admit a", "admit c", "validate a", "validate c"]);
  });
});
