import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { configMaps, deployments } from "#api/resources.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { AdmissionChain } from "./chain.ts";
import { attributesOf } from "./testing/attributes.ts";
import { unmeasured } from "./testing/unmeasured.ts";

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
    const chain = new AdmissionChain(
      [
        plugin("a", "CREATE"),
        plugin("b", "DELETE"),
        plugin("c", "CREATE"),
        { name: "d", handles: () => true },
      ],
      unmeasured(),
    );
    const attributes = attributesOf(configMaps, { object: {} });
    await chain.admit(attributes);
    await chain.validate(attributes);
    assert.deepEqual(asked, ["admit a", "admit c", "validate a", "validate c"]);
  });

  test("asks a plugin only about its resources", async () => {
    const asked: string[] = [];
    const plugin = (name: string, own?: readonly string[]): AdmissionPlugin => ({
      name,
      ...(own === undefined ? {} : { resources: own }),
      handles: () => true,
      validate: async ({ gvr }) => {
        asked.push(`${name} about ${gvr.resource}`);
      },
    });
    const chain = new AdmissionChain(
      [plugin("a", ["pods"]), plugin("b", ["configmaps", "deployments.apps"]), plugin("c")],
      unmeasured(),
    );
    await chain.validate(attributesOf(configMaps, { object: {} }));
    await chain.validate(attributesOf(deployments, { object: {} }));
    assert.deepEqual(asked, [
      "b about configmaps",
      "c about configmaps",
      "b about deployments",
      "c about deployments",
    ]);
  });

  const entry = {
    manager: "m",
    operation: "Update",
    apiVersion: "v1",
    time: "2026-01-01T00:00:00Z",
    fieldsType: "FieldsV1",
    fieldsV1: { "f:data": {} },
  };
  const states: readonly (readonly [name: string, after: unknown, isKept: boolean])[] = [
    ["the same", [{ ...entry }], false],
    ["none", undefined, false],
    ["of another operation", [{ ...entry, operation: "Guess" }], true],
    ["of no version", [{ ...entry, apiVersion: "" }], true],
  ];
  for (const [name, after, isKept] of states) {
    test(`managers that a plugin leaves behind: ${name}`, async () => {
      const object = { metadata: { name: "a", managedFields: [entry] } };
      const warnings: string[] = [];
      const plugin: AdmissionPlugin = {
        name: "a",
        handles: () => true,
        admit: async ({ object: changed }) => {
          if (changed?.metadata !== undefined) changed.metadata.managedFields = after as (typeof entry)[];
        },
      };
      await new AdmissionChain([plugin], unmeasured()).admit(
        attributesOf(configMaps, { object, warn: (text) => warnings.push(text) }),
      );
      assert.deepEqual(object.metadata.managedFields, isKept ? [entry] : after);
      assert.equal(warnings.length, isKept ? 1 : 0);
      if (isKept) {
        assert.match(
          warnings[0] ?? "",
          /^\.metadata\.managedFields was in an invalid state after admission;/,
        );
      }
    });
  }
});
