/**
 * Numbers of custom resources, whichever way they come and go: an int64 as it was sent, all else as Go writes a float64.
 * Over real connections, as texts: what JSON.parse would make of them is just what is in question.
 */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import * as fc from "fast-check";
import { createExpressions } from "#api/expressions.ts";
import { systemClock } from "#base/clock.ts";
import { parseExact } from "#base/exact-json.ts";
import { silentLogger } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import { openMemoryStore } from "#store/memory.ts";
import { asking, type Got } from "#testing/asking.ts";
import { startTestServer, type TestServer } from "#testing/server.ts";
import { patchOf, startHookServer } from "#apiserver/admission/testing/hook-server.ts";
import { define, version, widgetDefinition, widgets } from "./testing/widgets.ts";

const store = openMemoryStore({ clock: systemClock, log: silentLogger });
const path = "/apis/example.com/v1/namespaces/default/widgets";
const types = {
  json: "application/json",
  yaml: "application/yaml",
  merge: "application/merge-patch+json",
  jsonPatch: "application/json-patch+json",
  apply: "application/apply-patch+yaml",
};

const spec = {
  type: "object",
  properties: {
    large: { type: "integer", format: "int64" },
    text: { type: "string" },
    usual: { type: "integer", default: 9007199254740993n },
    set: { type: "array", items: { type: "integer" }, "x-kubernetes-list-type": "set" },
    items: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["id"],
      items: {
        type: "object",
        required: ["id"],
        properties: { id: { type: "integer" }, value: { type: "number" } },
      },
    },
    free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
  "x-kubernetes-validations": [{ rule: "!has(self.text) || string(self.large) == self.text" }],
};
const definition = widgetDefinition([
  version("v1", {
    schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
    additionalPrinterColumns: [
      { name: "Large", type: "integer", jsonPath: ".spec.large" },
      { name: "Text", type: "string", jsonPath: ".spec.large" },
      { name: "Free", type: "string", jsonPath: ".spec.free" },
    ],
    selectableFields: [{ jsonPath: ".spec.large" }],
  }),
]);

const loadExpressions = (): Promise<ReturnType<typeof createExpressions>> =>
  Promise.resolve(createExpressions());

interface World {
  server: TestServer;
  ask: ReturnType<typeof asking>;
}

async function started(): Promise<World> {
  const server = await startTestServer({ store, loadExpressions });
  return { server, ask: asking(server, server.certificate("admin", ["system:masters"])) };
}

const world = await started();
const admin = (): Client => world.server.client({ name: "admin", groups: ["system:masters"] });

before(() => define(admin(), definition));
after(async () => {
  await world.server.close();
  await store.close();
});

const ask: World["ask"] = (at, asked) => world.ask(at, asked);
const send = (method: string, at: string, type: keyof typeof types, body: string): Promise<Got> =>
  ask(at, { method, headers: { "content-type": types[type] }, body });

/** A literal, and what Go writes of it. */
type Literal = readonly [sent: string, written: string];

const int64 = fc
  .oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 0n, 42n),
  )
  .map(String);
const float = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => value !== 0);
const literal: fc.Arbitrary<Literal> = fc.oneof(
  int64.map((text): Literal => [text, text]),
  float.map((value): Literal => [JSON.stringify(value), JSON.stringify(value)]),
  float.map((value): Literal => [value.toExponential(), JSON.stringify(value)]),
  int64.map((text): Literal => [`${text}.0`, JSON.stringify(Number(text))]),
  fc
    .bigInt({ min: 2n ** 63n, max: 2n ** 80n })
    .map((value): Literal => [String(value), JSON.stringify(Number(value))]),
);

/** What is in the spec's free part, as it is written. */
function freeOf({ status, text }: Got): string | undefined {
  assert.ok(status < 300, text);
  return /"free":(\{.*?\}),"large"/.exec(text)?.[1];
}

const named = (name: string, rest: string): string =>
  `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"${name}"},"spec":${rest}}`;

const names = Array.from({ length: 1000 }, (_, index) => `x${index}`);
const newName = (): string => names.pop() ?? "";

suite("any number", () => {
  test("is written as Go would, whichever way it comes and goes", async () => {
    await fc.assert(
      fc.asyncProperty(literal, literal, literal, int64, async (a, b, c, large) => {
        const name = newName();
        const at = `${path}/${name}`;
        const body = named(
          name,
          `{"large":${large},"text":"${large}","free":{"a":${a[0]},"l":[${a[0]},{"b":${b[0]}}]}}`,
        );
        const written = `{"a":${a[1]},"l":[${a[1]},{"b":${b[1]}}]}`;
        const created = await send("POST", path, "json", body);
        assert.equal(freeOf(created), written);
        assert.equal(
          freeOf(await send("POST", `${path}?dryRun=All`, "yaml", body.replace(name, "y"))),
          written,
        );
        assert.ok(created.text.includes(`"large":${large},"text":"${large}","usual":9007199254740993`));
        const read = await ask(at);
        assert.equal(read.text, created.text);
        assert.equal(freeOf(await ask(`${path}?limit=1&fieldSelector=metadata.name%3D${name}`)), written);

        // The same again is no change at all.
        const same = await send("PUT", at, "json", read.text);
        assert.equal(same.text, read.text);
        const replaced = await send("PUT", at, "json", read.text.replace(`"a":${a[1]}`, `"a":${b[0]}`));
        assert.equal(freeOf(replaced), written.replace(`"a":${a[1]}`, `"a":${b[1]}`));
        const merged = await send("PATCH", at, "merge", `{"spec":{"free":{"a":${c[0]},"m":{"n":${a[0]}}}}}`);
        assert.equal(freeOf(merged), `{"a":${c[1]},"l":[${a[1]},{"b":${b[1]}}],"m":{"n":${a[1]}}}`);
        const operations = [
          `{"op":"test","path":"/spec/free/a","value":${c[1]}}`,
          `{"op":"copy","from":"/spec/free/l","path":"/spec/free/k"}`,
          `{"op":"move","from":"/spec/free/m","path":"/spec/free/z"}`,
          `{"op":"add","path":"/spec/free/l/0","value":${c[0]}}`,
          `{"op":"replace","path":"/spec/free/a","value":${b[0]}}`,
        ];
        const patched = await send("PATCH", at, "jsonPatch", `[${operations.join(",")}]`);
        const list = `${a[1]},{"b":${b[1]}}]`;
        assert.equal(freeOf(patched), `{"a":${b[1]},"k":[${list},"l":[${c[1]},${list},"z":{"n":${a[1]}}}`);
        const last = await ask(`${at}?pretty=1`);
        assert.equal(last.text.replaceAll(/\n */g, "").replaceAll('": ', '":'), patched.text.trimEnd());
      }),
      { numRuns: 12 },
    );
  });

  test("is applied, and tells apart the items of sets and maps", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(int64, { minLength: 2, maxLength: 3 }),
        literal,
        async (ids, [sent, written]) => {
          const name = newName();
          const at = `${path}/${name}`;
          const apply = (manager: string, items: string): Promise<Got> =>
            send("PATCH", `${at}?fieldManager=${manager}`, "apply", named(name, items));
          const items = (value: string): string => ids.map((id) => `{"id":${id},"value":${value}}`).join(",");
          const first = await apply("one", `{"set":[${ids.join(",")}],"items":[${items(sent)}]}`);
          assert.equal(first.status, 201, first.text);
          assert.ok(first.text.includes(`"items":[${items(written)}],"set":[${ids.join(",")}]`), first.text);
          for (const id of ids) {
            assert.ok(first.text.includes(String.raw`"k:{\"id\":${id}}"`), first.text);
            assert.ok(first.text.includes(`"v:${id}"`), first.text);
          }
          const again = await apply("one", `{"set":[${ids.join(",")}],"items":[${items(sent)}]}`);
          assert.equal(again.text, first.text);
          const other = await apply("two", `{"items":[{"id":${ids[0]},"value":-0.5}]}`);
          if (written !== "-0.5") {
            assert.equal(other.status, 409, other.text);
            assert.ok(other.text.includes(String.raw`.spec.items[id=${ids[0]}].value`), other.text);
          }
          const fewer = await apply("one", `{"set":[${ids[1]}]}`);
          assert.ok(fewer.text.includes(`"spec":{"set":[${ids[1]}]`), fewer.text);
        },
      ),
      { numRuns: 8 },
    );
  });
});

test("tables, selectors and watches show it whole, and so does the next server over the same store", async () => {
  const large = "7300000000000000001";
  await send("POST", path, "json", named("shown", `{"large":${large},"free":{"a":-${large}}}`));
  const table = await ask(`${path}/shown`, {
    headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
  });
  assert.ok(
    table.text.includes(String.raw`"cells":["shown",${large},"${large}","{\"a\":-${large}}"]`),
    table.text,
  );
  const found = await ask(`${path}?fieldSelector=spec.large%3D${large}`);
  assert.deepEqual(
    [...found.text.matchAll(/"name":"(\w+)"/g)].map(([, name]) => name),
    ["shown"],
  );
  const none = await ask(`${path}?fieldSelector=spec.large%3D7300000000000000002`);
  assert.ok(none.text.includes('"items":[]'), none.text);
  const query = "watch=1&resourceVersion=0&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  const events = await ask(
    `${path}?${query}&timeoutSeconds=1&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dshown`,
  );
  assert.equal(freeOf({ ...events, text: events.text.split("\n")[0] ?? "" }), `{"a":-${large}}`);

  const shown = await ask(`${path}/shown`);
  await world.server.close();
  Object.assign(world, await started());
  assert.equal((await ask(`${path}/shown`)).text, shown.text);
  const merged = await send("PATCH", `${path}/shown`, "merge", '{"spec":{"free":{"b":1}}}');
  assert.equal(freeOf(merged), `{"a":-${large},"b":1}`);
});

test("webhooks that change and convert objects are asked and answer in whole", async () => {
  const large = "7300000000000000001";
  await using hooks = await startHookServer({
    "/change": ({ object }) => {
      const { spec: sent } = object as { spec: { large: unknown } };
      return patchOf({ op: "add", path: "/spec/free", value: { seen: sent.large } });
    },
    "/convert": (request) => {
      const { objects, desiredAPIVersion } = request as unknown as {
        readonly objects: readonly object[];
        readonly desiredAPIVersion: string;
      };
      const convertedObjects = objects.map((object) => ({ ...object, apiVersion: desiredAPIVersion }));
      return { result: { status: "Success" }, convertedObjects } as object;
    },
  });
  const clientConfig = (at: string): object => ({
    url: `https://127.0.0.1:${hooks.port}${at}`,
    caBundle: hooks.caBundle,
  });
  const { names: _names, ...rest } = definition.spec;
  const conversion = {
    strategy: "Webhook",
    webhook: { clientConfig: clientConfig("/convert"), conversionReviewVersions: ["v1"] },
  };
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  await define(admin(), {
    ...definition,
    metadata: { name: "gadgets.example.com" },
    spec: {
      ...rest,
      names: { plural: "gadgets", kind: "Gadget", singular: "gadget" },
      conversion,
      versions: [version("v1", { schema }), version("v2", { schema })],
    },
  });
  const configuration = {
    metadata: { name: "change" },
    webhooks: [
      {
        name: "change.example.com",
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        clientConfig: clientConfig("/change"),
        rules: [
          { apiGroups: ["example.com"], apiVersions: ["*"], resources: ["gadgets"], operations: ["CREATE"] },
        ],
      },
    ],
  };
  const configurations = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
  const configured = await send("POST", configurations, "json", JSON.stringify(configuration));
  assert.equal(configured.status, 201, configured.text);
  const gadgets = path.replace("widgets", "gadgets");
  const body = named("whole", `{"large":${large}}`).replace("Widget", "Gadget");
  const created = await send("POST", gadgets, "json", body);
  assert.equal(freeOf(created), `{"seen":${large}}`);
  const other = await ask(`${gadgets.replace("v1", "v2")}/whole`);
  assert.ok(other.text.includes(`"spec":{"free":{"seen":${large}},"large":${large}}`), other.text);
});

suite("what is refused", () => {
  const cases: readonly (readonly [name: string, spec: string, message: string])[] = [
    [
      "an integer beyond an int64 is a float64, and so no integer",
      '{"large":9223372036854775808}',
      String.raw`spec.large: Invalid value: \"float64\": spec.large in body must be of type int64: \"float64\"`,
    ],
    [
      "expressions see the integer itself",
      '{"large":9007199254740993,"text":"9007199254740992"}',
      "failed rule: !has(self.text) || string(self.large) == self.text",
    ],
    [
      "two of a set are told apart by their last digit only",
      '{"set":[9007199254740993,9007199254740992,9007199254740993]}',
      "spec.set[2]: Duplicate value: 9007199254740993",
    ],
  ];
  for (const [name, rest, message] of cases) {
    test(name, async () => {
      const { status, text } = await send("POST", path, "json", named("bad", rest));
      assert.equal(status, 422, text);
      assert.ok(text.includes(message), text);
    });
  }
});

test("a float64 that is near an integer is none, and no change of it is overlooked", async () => {
  await send("POST", path, "json", named("near", '{"large":9223372036854775807}'));
  const refused = await send("PATCH", `${path}/near`, "merge", '{"spec":{"large":9223372036854775808}}');
  assert.equal(refused.status, 422, refused.text);
  const changed = await send("PATCH", `${path}/near`, "merge", '{"spec":{"large":9223372036854775806}}');
  assert.ok(changed.text.includes('"generation":2,'), changed.text);
  assert.ok(changed.text.includes('"large":9223372036854775806,'), changed.text);
});

test("the definition's own large integers are kept, and published", async () => {
  const read = await ask("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com");
  assert.ok(read.text.includes('"default":9007199254740993'), read.text);
  const document = await ask("/openapi/v3/apis/example.com/v1");
  assert.ok(document.text.includes('"default":9007199254740993'));
  const object = await admin().resource(widgets, "default").get("shown");
  assert.deepEqual(
    object["spec"],
    parseExact(
      '{"free":{"a":-7300000000000000001,"b":1},"large":7300000000000000001,"usual":9007199254740993}',
    ),
  );
});
