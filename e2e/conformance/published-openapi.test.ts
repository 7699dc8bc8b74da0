/** What upstream's conformance demands of the OpenAPI document about what definitions define. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, type Json } from "./api-client.ts";
import { waitMs, definitions, openObject, specSchema, define } from "./definitions.ts";

let server: BareServer;
let api: ApiClient;

/** The properties of a kind's definition in /openapi/v2; undefined while there is none. */
async function published(definitionName: string): Promise<Json | undefined> {
  const { text } = await api.call("GET", "/openapi/v2", { accept: "application/json" });
  return (JSON.parse(text) as { definitions: Record<string, Json> }).definitions[definitionName];
}

const appears = (name: string): Promise<Json> =>
  eventually(`${name} is published`, waitMs, () => published(name));

const vanishes = (name: string): Promise<unknown> =>
  eventually(`${name} is no longer published`, waitMs, async () => (await published(name)) === undefined);

function openApi(): void {
  test("OpenAPI tells of CRDs with a validation schema, without one, preserving unknown fields at the root and inside", async () => {
    await define(api, { kind: "Withschema", schema: specSchema });
    const withSchema = await appears("com.example.e2e.v1.Withschema");
    assert.deepEqual(at(withSchema, "properties.spec.required"), ["cronSpec"]);
    assert.ok(at(withSchema, "properties.metadata"));
    await define(api, { kind: "Root", schema: openObject });
    assert.equal((await appears("com.example.e2e.v1.Root"))["type"], "object");
    const schema = { type: "object", properties: { spec: openObject } };
    await define(api, { kind: "Inside", schema });
    const inside = await appears("com.example.e2e.v1.Inside");
    assert.equal((at(inside, "properties.spec") as Json)["x-kubernetes-preserve-unknown-fields"], true);
  });

  test("OpenAPI tells of CRDs of different groups, of different versions, of different kinds", async () => {
    await define(api, { kind: "Foo", group: "one.example.com", schema: specSchema });
    await define(api, { kind: "Foo", group: "two.example.com", schema: specSchema });
    await define(api, { kind: "Bar", group: "one.example.com", schema: specSchema });
    const versions = [
      { name: "v1", served: true, storage: true },
      { name: "v2", served: true, storage: false },
    ];
    await define(api, { kind: "Both", group: "one.example.com", schema: specSchema, versions });
    for (const name of ["one.v1.Foo", "two.v1.Foo", "one.v1.Bar", "one.v1.Both", "one.v2.Both"]) {
      await appears(`com.example.${name}`);
    }
  });

  test("OpenAPI follows a version that is renamed, and one that is no longer served", async () => {
    const versions = [
      { name: "v2", served: true, storage: true },
      { name: "v3", served: true, storage: false },
    ];
    await define(api, { kind: "Renamed", group: "three.example.com", schema: specSchema, versions });
    await appears("com.example.three.v3.Renamed");
    const path = `${definitions}/renameds.three.example.com`;
    const patch = (where: string, value: unknown): Promise<Json> =>
      api.must("PATCH", path, {
        body: JSON.stringify([{ op: "replace", path: where, value }]),
        type: "application/json-patch+json",
      });
    await patch("/spec/versions/1/name", "v4");
    await appears("com.example.three.v4.Renamed");
    await vanishes("com.example.three.v3.Renamed");
    await patch("/spec/versions/1/served", false);
    await vanishes("com.example.three.v4.Renamed");
    assert.ok(await published("com.example.three.v2.Renamed"));
  });
}

suite("conformance: published OpenAPI", { timeout: 240_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
  });

  openApi();
});
