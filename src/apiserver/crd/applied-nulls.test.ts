/** What server-side apply leaves where it took everything. upstream: kubernetes/kubernetes issues 117447 and 134902 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONSchemaProps } from "#api/generated/types/apiextensions-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import { namespaces } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";
import { define, version, widgetDefinition, widgets } from "./testing/widgets.ts";

const map: JSONSchemaProps = { type: "object", properties: { width: { type: "integer" } } };

async function withSize(size: JSONSchemaProps): Promise<TestApiserver> {
  const server = await startTestApiserver();
  const client = server.client();
  await client.resource(namespaces).create({ metadata: { name: "default" } });
  const spec: JSONSchemaProps = { type: "object", properties: { size } };
  const schema = { openAPIV3Schema: { type: "object", properties: { spec } } };
  await define(client, widgetDefinition([version("v1", { schema })]));
  return server;
}

function apply(client: Client, spec: object): Promise<AnyObject> {
  const config = { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "a" }, spec };
  return client.resource(widgets, "default").patch("a", "apply", config, { fieldManager: "tests" });
}

for (const [what, config, field] of [
  ["the spec's only field", {}, "spec"],
  ["a field's only field", { size: {} }, "spec.size"],
] as const) {
  test(`applying a configuration without ${what} is refused: a null is left where none may be`, async () => {
    await using server = await withSize(map);
    await apply(server.client(), { size: { width: 1 } });
    await assert.rejects(apply(server.client(), config), (error) => {
      assert(error instanceof StatusError);
      const why = `${field}: Invalid value: "null": ${field} in body must be of type object: "null"`;
      assert.deepEqual(
        [error.status.code, error.status.message],
        [422, `Widget.example.com "a" is invalid: ${why}`],
      );
      return true;
    });
  });
}

for (const [what, size, left] of [
  ["a default stands in for the null", { ...map, default: { width: 3 } }, { width: 3 }],
  ["the null stays where it may be", { ...map, nullable: true }, null],
] as const) {
  test(`applying a configuration without a field's only field: ${what}`, async () => {
    await using server = await withSize(size);
    await apply(server.client(), { size: { width: 1 } });
    const { spec } = await apply(server.client(), { size: {} });
    assert.deepEqual(spec, { size: left });
  });
}
