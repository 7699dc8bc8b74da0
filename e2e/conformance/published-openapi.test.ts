/** What upstream's conformance demands of the OpenAPI document about custom resources, and of kubectl that reads it. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, type Json } from "./api-client.ts";
import { define, definitions, pluralOf, waitMs, type Defined } from "./definitions.ts";

let server: BareServer;
let api: ApiClient;

const array = (description: string, items: Json): Json => ({ description, type: "array", items });
const object = (properties: Json, more: Json = {}): Json => ({ type: "object", properties, ...more });
const described = (description: string, more: Json = {}): Json => ({ description, type: "string", ...more });

const schemaFoo = object(
  {
    spec: object(
      {
        bars: array(
          "List of Bars and their specs.",
          object(
            {
              name: described("Name of Bar."),
              age: described("Age of Bar."),
              feeling: described("Whether Bar is feeling great.", { enum: ["Great", "Down"] }),
              bazs: array("List of Bazs.", { type: "string" }),
            },
            { required: ["name"] },
          ),
        ),
      },
      { description: "Specification of Foo" },
    ),
    status: object(
      {
        bars: array(
          "List of Bars and their statuses.",
          object({
            name: described("Name of Bar."),
            available: { description: "Whether the Bar is installed.", type: "boolean" },
            quxType: described("Indicates to external qux type.", { pattern: "in-tree|out-of-tree" }),
          }),
        ),
      },
      { description: "Status of Foo" },
    ),
  },
  { description: "Foo CRD for Testing" },
);

const waldo = (description: string, root: Json = {}, spec: Json = {}): Json =>
  object(
    {
      spec: object(
        { dummy: { description: "Dummy property.", type: "object" } },
        { description: "Specification of Waldo", ...spec },
      ),
      status: object(
        { bars: array("List of Bars and their statuses.", { type: "object" }) },
        { description: "Status of Waldo" },
      ),
    },
    { description, ...root },
  );

const keepsUnknown = { "x-kubernetes-preserve-unknown-fields": true };
const schemaWaldo = waldo("Waldo CRD for Testing");
/** Of these kubectl is told no fields: it would take them for all there are. */
const schemaRoot = waldo("preserve-unknown-properties at root for Testing", keepsUnknown);
const schemaNested = waldo("preserve-unknown-properties in nested field for Testing", {}, keepsUnknown);

/** "e2e.example.com" is "com.example.e2e" there. */
const publishedName = ({ group = "e2e.example.com", kind }: Defined, version: string): string =>
  [...group.split(".").toReversed(), version, kind].join(".");

/** The kind's definition in /openapi/v2 but for what every kind has; undefined while there is none. */
async function published(name: string): Promise<Json | undefined> {
  const { text } = await api.call("GET", "/openapi/v2", { accept: "application/json" });
  const { definitions: all } = JSON.parse(text) as { definitions: Record<string, Json> };
  const found = all[name];
  if (found === undefined) return undefined;
  const { "x-kubernetes-group-version-kind": gvk, ...rest } = found;
  const [group, version] = [name.split(".").slice(0, -2).toReversed().join("."), name.split(".").at(-2)];
  assert.deepEqual(gvk, [{ group, version, kind: name.split(".").at(-1) }]);
  const properties = { ...(rest["properties"] as Json | undefined) };
  for (const common of ["apiVersion", "kind", "metadata"]) delete properties[common];
  return Object.keys(properties).length === 0
    ? Object.fromEntries(Object.entries(rest).filter(([key]) => key !== "properties"))
    : { ...rest, properties };
}

/** As it was defined. */
async function appears(name: string, schema: Json): Promise<void> {
  await eventually(`${name} is published`, waitMs, () => published(name));
  assert.deepEqual(await published(name), schema, name);
}

const vanishes = (name: string): Promise<unknown> =>
  eventually(`${name} is no longer published`, waitMs, async () => (await published(name)) === undefined);

const versionsOf = (...names: string[]): Json[] =>
  names.map((name, index) => ({ name, served: true, storage: index === 0 }));

/** Defines it, and waits until every version of it is published. */
async function publish(defined: Defined, schema: Json | undefined = defined.schema): Promise<void> {
  await define(api, defined);
  for (const { name } of defined.versions ?? versionsOf("v1")) {
    if (schema !== undefined) await appears(publishedName(defined, String(name)), schema);
  }
}

/** Its definition goes, and what was published of it. */
async function withdraw(defined: Defined, ...versions: string[]): Promise<void> {
  await api.must("DELETE", `${definitions}/${pluralOf(defined)}.${defined.group ?? "e2e.example.com"}`);
  for (const version of versions) await vanishes(publishedName(defined, version));
}

async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await server.kubectl(args, input);
  assert.equal(code, 0, `kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** What kubectl says as it refuses. */
async function refusal(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await server.kubectl(args, input);
  assert.notEqual(code, 0, `kubectl ${args.join(" ")} passed: ${stdout}`);
  return stderr;
}

/** kubectl validates what it creates and what it applies, and takes it. */
async function isTaken(defined: Defined, content: Json): Promise<void> {
  const body = JSON.stringify({
    kind: defined.kind,
    apiVersion: `${defined.group ?? "e2e.example.com"}/v1`,
    metadata: { name: "test-cr" },
    ...content,
  });
  for (const verb of ["create", "apply"]) {
    await kubectl([verb, "-f", "-"], body);
    await kubectl(["delete", pluralOf(defined), "test-cr"]);
  }
}

const explain = async (path: string, pattern: RegExp): Promise<void> => {
  assert.match(await kubectl(["explain", path]), pattern);
};

const fooOf = (bar: Json): string =>
  JSON.stringify({
    kind: "Foo",
    apiVersion: "e2e.example.com/v1",
    metadata: { name: "test-cr" },
    spec: { bars: [bar] },
  });

function kubectlReads(): void {
  test("a definition with a validation schema", async () => {
    const foo = { kind: "Foo", schema: schemaFoo };
    await publish(foo);
    await isTaken(foo, { spec: { bars: [{ name: "test-bar" }] } });
    for (const verb of ["create", "apply"]) {
      const said = (bar: Json): Promise<string> => refusal([verb, "-f", "-"], fooOf(bar));
      assert.match(await said({ name: "b", feeling: "None" }), /Unsupported value: "None"/);
      assert.match(await said({ name: "b", foo: true }), /unknown field "spec\.bars\[0\]\.foo"/);
      assert.match(await said({ age: "10" }), /spec\.bars\[0\]\.name: Required value/);
    }
    await explain(
      "foos",
      /DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo/s,
    );
    await explain(
      "foos.metadata",
      /DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp/s,
    );
    await explain(
      "foos.spec",
      /DESCRIPTION:.*Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs/s,
    );
    await explain(
      "foos.spec.bars",
      /(FIELD|RESOURCE):.*bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar/s,
    );
    assert.match(await refusal(["explain", "foos.spec.bars2"]), /field "bars2" does not exist/);
    await withdraw(foo, "v1");
  });

  test("a definition without a validation schema", async () => {
    const empty = { kind: "Empty", schema: { type: "object", ...keepsUnknown } };
    await publish(empty, { type: "object" });
    await isTaken(empty, { a: { b: [{ c: "d" }] } });
    await explain("emptys", /DESCRIPTION:.*<empty>/s);
    await withdraw(empty, "v1");
  });

  test("a definition that preserves unknown fields at the root of its schema", async () => {
    const root = { kind: "Root", schema: schemaRoot };
    await publish(root, { type: "object" });
    await isTaken(root, { a: { b: [{ c: "d" }] } });
    await explain("roots", /KIND:.*Root/s);
    await withdraw(root, "v1");
  });

  test("a definition that preserves unknown fields in an embedded object", async () => {
    const nested = { kind: "Nested", schema: schemaNested };
    const { properties } = schemaNested as { properties: Json };
    const spec = { description: "Specification of Waldo", ...keepsUnknown };
    await publish(nested, { ...schemaNested, properties: { ...properties, spec } });
    await isTaken(nested, { spec: { a: null, b: [{ c: "d" }] } });
    await explain("nesteds", /DESCRIPTION:.*preserve-unknown-properties in nested field for Testing/s);
    await withdraw(nested, "v1");
  });
}

function documents(): void {
  test("definitions of different groups are published", async () => {
    const foo = { kind: "Foo", group: "one.example.com", schema: schemaFoo };
    const other = { kind: "Waldo", group: "two.example.com", schema: schemaWaldo };
    const versions = versionsOf("v1beta1");
    await publish(foo);
    await publish({ ...other, versions });
    await appears("com.example.one.v1.Foo", schemaFoo);
    await withdraw(foo, "v1");
    await withdraw(other, "v1beta1");
  });

  test("definitions of one group, in different versions, are published", async () => {
    const both = { kind: "Both", group: "multi.example.com", schema: schemaFoo };
    await publish({ ...both, versions: versionsOf("v2", "v3") });
    await withdraw(both, "v2", "v3");
    const foo = { kind: "Foo", group: "common.example.com", schema: schemaFoo };
    const other = { kind: "Waldo", group: "common.example.com", schema: schemaWaldo };
    await publish({ ...foo, versions: versionsOf("v4") });
    await publish({ ...other, versions: versionsOf("v5") });
    await appears("com.example.common.v4.Foo", schemaFoo);
    await withdraw(foo, "v4");
    await withdraw(other, "v5");
  });

  test("definitions of one group and version, of different kinds, are published", async () => {
    const foo = { kind: "Foo", group: "common.example.com", schema: schemaFoo };
    const other = { kind: "Waldo", group: "common.example.com", schema: schemaWaldo };
    await publish({ ...foo, versions: versionsOf("v6") });
    await publish({ ...other, versions: versionsOf("v6") });
    await appears("com.example.common.v6.Foo", schemaFoo);
    await withdraw(foo, "v6");
    await withdraw(other, "v6");
  });

  test("a version that is renamed is published under its new name", async () => {
    const renamed = { kind: "Renamed", schema: schemaFoo };
    await publish({ ...renamed, versions: versionsOf("v2", "v3") });
    await api.must("PATCH", `${definitions}/renameds.e2e.example.com`, {
      body: JSON.stringify([
        { op: "test", path: "/spec/versions/1/name", value: "v3" },
        { op: "replace", path: "/spec/versions/1/name", value: "v4" },
      ]),
      type: "application/json-patch+json",
    });
    await appears("com.example.e2e.v4.Renamed", schemaFoo);
    await vanishes("com.example.e2e.v3.Renamed");
    await appears("com.example.e2e.v2.Renamed", schemaFoo);
    await withdraw(renamed, "v2", "v4");
  });

  test("a version that is no longer served is no longer published", async () => {
    const single = { kind: "Single", schema: schemaFoo };
    await publish({ ...single, versions: versionsOf("v5", "v6alpha1") });
    const path = `${definitions}/singles.e2e.example.com`;
    await eventually("nobody writes in between", waitMs, async () => {
      const found = (await api.get(path)) as { spec: { versions: Json[] } };
      const [first, second] = found.spec.versions;
      const spec = { ...found.spec, versions: [first, { ...second, served: false }] };
      return (await api.call("PUT", path, { body: { ...found, spec } })).code === 200;
    });
    await vanishes("com.example.e2e.v6alpha1.Single");
    await appears("com.example.e2e.v5.Single", schemaFoo);
    await withdraw(single, "v5");
  });
}

suite("conformance: published OpenAPI", { timeout: 240_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(() => server[Symbol.asyncDispose]());

  suite("as kubectl reads it", kubectlReads);
  suite("as it stands in the document", documents);
});
