import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createExpressions } from "#api/expressions.ts";
import type { JSONSchemaProps } from "#api/generated/types/apiextensions-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import { openMemoryStore } from "#store/memory.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { startTestServer, type TestServer } from "#testing/server.ts";
import { LateExpressions, needsExpressions } from "./late-expressions.ts";
import { define, version, widgetDefinition, widgets } from "./testing/widgets.ts";

const root = { name: "admin", groups: ["system:masters"] };

const spec = (size: JSONSchemaProps): JSONSchemaProps => ({
  type: "object",
  properties: { spec: { type: "object", properties: { size } } },
});

const widget = (size: unknown): AnyObject => ({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name: `w${JSON.stringify(size).length}`, namespace: "default" },
  spec: { size },
});

async function outcome(server: TestServer, size: unknown): Promise<string> {
  try {
    await server.client(root).resource(widgets, "default").create(widget(size));
    return "made";
  } catch (error) {
    if (error instanceof StatusError) return error.message.replace(/^.*?invalid: /, "");
    throw error;
  }
}

suite("what evaluates expressions is loaded", () => {
  const cases: readonly (readonly [
    name: string,
    schema: JSONSchemaProps,
    size: unknown,
    outcome: string,
    loads: number,
  ])[] = [
    ["never, for a plain schema", spec({ type: "integer", minimum: 2 }), 5, "made", 0],
    [
      "for a rule",
      spec({ type: "integer", "x-kubernetes-validations": [{ rule: "self > 2" }] }),
      1,
      "spec.size: Invalid value: 1: failed rule: self > 2",
      1,
    ],
    [
      "for a pattern",
      spec({ type: "string", pattern: "^a+$" }),
      "b",
      "spec.size: Invalid value: \"b\": spec.size in body should match '^a+$'",
      1,
    ],
  ];
  for (const [name, openAPIV3Schema, size, wanted, loads] of cases) {
    test(`${name}, by the definition, and again by a server that finds it there`, async () => {
      let loaded = 0;
      await using stack = new AsyncDisposableStack();
      const store = openMemoryStore({ clock: systemClock, log: silentLogger });
      stack.defer(() => store.close());
      const loadExpressions = (): Promise<ReturnType<typeof createExpressions>> => {
        loaded += 1;
        return Promise.resolve(createExpressions());
      };
      const crd = widgetDefinition([version("v1", { schema: { openAPIV3Schema } })]);
      {
        await using server = await startTestServer({ store, loadExpressions });
        await define(server.client(root), crd);
        assert.equal(loaded, loads);
        assert.equal(await outcome(server, size), wanted);
        assert.equal(loaded, loads);
      }
      await using server = await startTestServer({ store, loadExpressions });
      await server.client(root).resource(widgets, "default").list();
      assert.equal(loaded, loads, "who only reads needs none");
      if (wanted === "made") return;
      assert.equal(await outcome(server, size), wanted);
      assert.equal(loaded, 2 * loads);
    });
  }

  test("once, for all who wait", async () => {
    let loads = 0;
    const late = new LateExpressions(() => {
      loads += 1;
      return Promise.resolve(createExpressions());
    });
    assert.throws(() => late.loaded, /before they were loaded/);
    const [one, two] = await Promise.all([late.load(), late.load()]);
    assert.equal(one, two);
    assert.equal(late.loaded, one);
    assert.equal(loads, 1);
  });

  test("for what lies anywhere in a schema", () => {
    const rule = { "x-kubernetes-validations": [{ rule: "true" }] };
    assert.equal(needsExpressions({ type: "object", not: { pattern: "a" } }), true);
    assert.equal(needsExpressions({ additionalProperties: { items: rule } }), true);
    assert.equal(needsExpressions({ pattern: "", "x-kubernetes-validations": [] }), false);
    assert.equal(needsExpressions(undefined), false);
  });
});
