/** What discovery says of custom resources. upstream: test/integration/apiserver/discovery, customresource_discovery_controller_test.go */
import assert from "node:assert/strict";
import { test } from "node:test";
import { customResourceDefinitions } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { startTestServer } from "#testing/server.ts";
import { conditionOf, define, version, widgetDefinition, widgets } from "./testing/widgets.ts";

const root = { name: "admin", groups: ["system:masters"] };

interface Told {
  readonly verbs: readonly string[];
  readonly categories: readonly string[] | undefined;
  readonly shortNames: readonly string[] | undefined;
}

async function discovered(client: Client): Promise<Record<string, Told>> {
  const { body } = await client.transport.request({ method: "GET", path: "/apis/example.com/v1" });
  const { resources } = body as { readonly resources: readonly (Told & { readonly name: string })[] };
  return Object.fromEntries(
    resources.map(({ name, verbs, categories, shortNames }) => [name, { verbs, categories, shortNames }]),
  );
}

test("names, categories and verbs are told; of a kind on its way out, those that are left", async () => {
  await using server = await startTestServer();
  const client = server.client(root);
  const crd = widgetDefinition([version("v1", { subresources: { status: {} } })]);
  crd.spec.names.categories = ["all"];
  await define(client, crd);
  const status = { verbs: ["get", "patch", "update"], categories: undefined, shortNames: undefined };
  const names = { categories: ["all"], shortNames: ["wd"] };
  assert.deepEqual(await discovered(client), {
    widgets: {
      verbs: ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
      ...names,
    },
    "widgets/status": status,
  });
  const objects = client.resource(widgets, "default");
  const held = { name: "held", finalizers: ["example.com/hold"] };
  await objects.create({ apiVersion: "example.com/v1", kind: "Widget", metadata: held, spec: {} });
  await client.resource(customResourceDefinitions).delete("widgets.example.com");
  assert.deepEqual(await discovered(client), {
    widgets: { verbs: ["delete", "deletecollection", "get", "list", "watch"], ...names },
    "widgets/status": status,
  });
  await objects.patch("held", "merge", { metadata: { finalizers: null } });
  await conditionOf(client, "widgets.example.com", (each) => each === undefined);
});
