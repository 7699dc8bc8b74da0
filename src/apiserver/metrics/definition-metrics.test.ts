import assert from "node:assert/strict";
import { test } from "node:test";
import { conditionOf, define, version, widgetDefinition } from "#apiserver/crd/testing/widgets.ts";
import { createExpressions } from "#api/expressions.ts";
import { customResourceDefinitions } from "#api/resources.ts";
import { MeasuredServer, valueIn } from "./testing/measured-server.ts";

const admin = { name: "admin", groups: ["system:masters", "system:authenticated"] };

test("documents made anew are counted by the definition that was the reason", async () => {
  await using measured = await MeasuredServer.start();
  const client = measured.server.client(admin);
  const name = "widgets.example.com";
  const crds = client.resource(customResourceDefinitions);
  const counted = async (): Promise<readonly number[]> => {
    const text = await measured.text();
    const of = (openapi: string, more: Readonly<Record<string, string>>): number =>
      valueIn(text, `apiextensions_openapi_${openapi}_regeneration_count`, { crd: name, ...more });
    return ["add", "update", "remove"].flatMap((reason) => [
      of("v2", { reason }),
      of("v3", { reason, group: "example.com", version: "v1" }),
    ]);
  };
  await define(client, widgetDefinition([version("v1")]));
  assert.deepEqual(await counted(), [1, 1, 0, 0, 0, 0]);
  const crd = await crds.get(name);
  await crds.update({ ...crd, metadata: { ...crd.metadata, labels: { of: "no-interest" } } });
  assert.deepEqual(await counted(), [1, 1, 0, 0, 0, 0]);
  const columns = [{ name: "Size", type: "integer", jsonPath: ".spec.size" }];
  const latest = await crds.get(name);
  const versions = latest.spec.versions.map((each) => ({ ...each, additionalPrinterColumns: columns }));
  await crds.update({ ...latest, spec: { ...latest.spec, versions } });
  assert.deepEqual(await counted(), [1, 1, 1, 1, 0, 0]);
  await crds.delete(name);
  await conditionOf(client, name, (each) => each === undefined);
  assert.deepEqual(await counted(), [1, 1, 1, 1, 1, 1]);
});

test("rules of a definition are timed when they are compiled, and for each object", async () => {
  await using measured = await MeasuredServer.start({
    loadExpressions: () => Promise.resolve(createExpressions()),
  });
  const client = measured.server.client(admin);
  const size = { type: "integer", default: 3, "x-kubernetes-validations": [{ rule: "self > 2" }] };
  const schema = { type: "object", properties: { spec: { type: "object", properties: { size } } } };
  await define(client, widgetDefinition([version("v1", { schema: { openAPIV3Schema: schema } })]));
  const counted = async (): Promise<readonly number[]> => {
    const text = await measured.text();
    return ["compilation", "evaluation"].map((what) =>
      valueIn(text, `apiserver_cel_${what}_duration_seconds_count`),
    );
  };
  const before = await counted();
  const kind = { apiVersion: "example.com/v1", kind: "Widget" };
  const path = "/apis/example.com/v1/namespaces/default/widgets";
  const sent = async (name: string, spec: object): Promise<number> =>
    (await measured.send("POST", path, { ...kind, metadata: { name }, spec })).status;
  assert.equal(await sent("a", { size: 5 }), 201);
  assert.equal(await sent("b", { size: 1 }), 422);
  const [compiled = 0, evaluated = 0] = await counted();
  assert.deepEqual([compiled, evaluated], [(before[0] ?? 0) + 1, (before[1] ?? 0) + 2]);
});
