/**
 * What patches and updates are told whose result isn't what it should be, of each kind, on built-in and custom resources.
 * upstream: apiserver/pkg/endpoints/handlers/{patch,update,rest}.go, apimachinery/pkg/runtime/{converter.go,serializer/json}
 */
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import type { Status } from "#api/meta/status.ts";
import { define } from "#apiserver/crd/testing/widgets.ts";
import { asking } from "#testing/asking.ts";
import { startTestServer } from "#testing/server.ts";

const server = await startTestServer();
const ask = asking(server, server.certificate("admin", ["system:masters"]));
after(() => server.close());
await define(server.client({ name: "admin", groups: ["system:masters"] }));

const json = { "content-type": "application/json" };
const maps = "/api/v1/namespaces/default/configmaps";
const widgets = "/apis/example.com/v1/namespaces/default/widgets";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const widget = '"apiVersion":"example.com/v1","kind":"Widget"';
const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
for (const [path, body] of [
  [maps, '{"metadata":{"name":"a"},"data":{"x":"1"}}'],
  [widgets, `{${widget},"metadata":{"name":"a"},"spec":{"color":"red"}}`],
  [
    deployments,
    JSON.stringify({ metadata: { name: "a" }, spec: { selector: { matchLabels: { a: "b" } }, template } }),
  ],
] as const) {
  assert.equal((await ask(path, { method: "POST", headers: json, body })).status, 201);
}

type Kind = "strategic-merge" | "merge" | "json" | "put";

interface Tried {
  readonly body: string;
  readonly query?: string;
}

async function told(path: string, kind: Kind, { body, query = "" }: Tried): Promise<string> {
  const type = kind === "put" ? json : { "content-type": `application/${kind}-patch+json` };
  const method = kind === "put" ? "PUT" : "PATCH";
  const { status, text } = await ask(`${path}/a?dryRun=All${query}`, { method, headers: type, body });
  const said = JSON.parse(text) as Status;
  if (status < 300) return "200";
  assert.equal(said.code, status);
  // Whole objects, with their times.
  const message = said.message?.replaceAll(/"\{.*\}"(?=:)|'\{.*\}'/g, "OBJECT") ?? "";
  return `${status} ${said.reason ?? "-"}: ${message}`;
}

const bad = (text: string): string => `400 BadRequest: ${text}`;
/** Of a result that can't be decoded. */
const unfit = (why: string, shown = "OBJECT"): string =>
  `422 Invalid:  "" is invalid: patch: Invalid value: ${shown}: ${why}`;
const noClaim = (what: string): string =>
  `couldn't get version/kind; json parse error: json: cannot unmarshal ${what}`;
const kindNumber = noClaim("number into Go struct field .kind of type string");
const noObject = noClaim(
  'array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
);
const noKind = (kind: string, version: string): string =>
  `no kind "${kind}" is registered for version "${version}" in scheme "pkg/api/legacyscheme/scheme.go:30"`;
const noName = bad("the name of the object (a based on URL) was undeterminable: name must be provided");
const otherName = bad("the name of the object (b) does not match the name on the URL (a)");
const otherNamespace = bad(
  "the namespace of the provided object does not match the namespace sent on the request",
);
const notApplied = "422 Invalid: the server rejected our request due to an error in our request";
const mustBe = (field: string, value: string, wanted: string): string =>
  `422 Invalid: Widget.example.com "a" is invalid: ${field}: Invalid value: "${value}": must be ${wanted}`;
const unrevised = '500 -: strconv.ParseUint: parsing "x": invalid syntax';
const immutable = (kind: string): string =>
  `422 Invalid: ${kind} "a" is invalid: metadata.uid: Invalid value: "x": field is immutable`;

/** By the body: of a strategic patch, a merge patch, and a merge patch of a custom resource. */
const merges: readonly (readonly [body: string, strategic: string, merge: string, custom: string])[] = [
  ...(
    [
      ["1", "number", "cannot convert int64 to string", "1"],
      ["1.5", "number", "unrecognized type: string", "1.5"],
      ["true", "bool", "unrecognized type: string", "true"],
      ["{}", "object", "unrecognized type: string", "map[]"],
      ["[]", "array", "unrecognized type: string", "[]"],
    ] as const
  ).map(([value, type, why, shown]): (typeof merges)[number] => [
    `{"metadata":{"annotations":{"a":${value}}}}`,
    unfit(why, `"map[metadata:map[annotations:map[a:${shown}]]]"`),
    unfit(
      `json: cannot unmarshal ${type} into Go struct field ObjectMeta.metadata.annotations of type string`,
    ),
    unfit(`json: cannot unmarshal ${type} into Go struct field ObjectMeta.annotations of type string`),
  ]),
  [
    '{"metadata":{"annotations":[]}}',
    unfit("cannot restore map from slice", '"map[metadata:map[annotations:[]]]"'),
    unfit(
      "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.annotations of type map[string]string",
    ),
    unfit(
      "json: cannot unmarshal array into Go struct field ObjectMeta.annotations of type map[string]string",
    ),
  ],
  [
    '{"metadata":{"finalizers":{}}}',
    unfit("cannot restore slice from map", '"map[metadata:map[finalizers:map[]]]"'),
    unfit(
      "json: cannot unmarshal object into Go struct field ObjectMeta.metadata.finalizers of type []string",
    ),
    unfit("json: cannot unmarshal object into Go struct field ObjectMeta.finalizers of type []string"),
  ],
  [
    '{"metadata":{"generation":"x"}}',
    unfit("unrecognized type: int64", '"map[metadata:map[generation:x]]"'),
    unfit("json: cannot unmarshal string into Go struct field ObjectMeta.metadata.generation of type int64"),
    unfit("json: cannot unmarshal string into Go struct field ObjectMeta.generation of type int64"),
  ],
  [
    '{"metadata":"x"}',
    unfit("cannot restore struct from: string", '"map[metadata:x]"'),
    unfit("json: cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta"),
    unfit("json: cannot unmarshal string into Go value of type v1.ObjectMeta"),
  ],
  ['{"metadata":null}', noName, noName, noName],
  ['{"metadata":{"name":"b"}}', otherName, otherName, otherName],
  ['{"metadata":{"name":null}}', noName, noName, noName],
  ['{"metadata":{"namespace":"other"}}', otherNamespace, otherNamespace, otherNamespace],
  ['{"metadata":{"name":"b","namespace":"other"}}', otherNamespace, otherNamespace, otherNamespace],
  ['{"metadata":{"namespace":null}}', "200", "200", "200"],
  ['{"metadata":{"resourceVersion":"x"}}', unrevised, unrevised, unrevised],
  [
    '{"metadata":{"uid":"x"}}',
    immutable("ConfigMap"),
    immutable("ConfigMap"),
    immutable("Widget.example.com"),
  ],
  [
    '{"kind":1}',
    unfit("cannot convert int64 to string", '"map[kind:1]"'),
    unfit(kindNumber),
    unfit(kindNumber),
  ],
  [
    '{"apiVersion":{}}',
    unfit("unrecognized type: string", '"map[apiVersion:map[]]"'),
    unfit(noClaim("object into Go struct field .apiVersion of type string")),
    unfit(noClaim("object into Go struct field .apiVersion of type string")),
  ],
  ['{"kind":"Foo"}', "200", unfit(noKind("Foo", "v1")), mustBe("kind", "Foo", "Widget")],
  ['{"kind":null}', "200", "200", unfit("Object 'Kind' is missing in OBJECT")],
  [
    '{"apiVersion":"v2"}',
    "200",
    unfit(noKind("ConfigMap", "v2")),
    mustBe("apiVersion", "v2", "example.com/v1"),
  ],
  [
    '{"apiVersion":"a/b/c"}',
    "200",
    unfit("unexpected GroupVersion string: a/b/c"),
    unfit("unexpected GroupVersion string: a/b/c"),
  ],
  ['{"apiVersion":null}', "200", noName, mustBe("apiVersion", "", "example.com/v1")],
  [
    '{"apiVersion":"v2","kind":"Foo"}',
    "200",
    unfit(noKind("Foo", "v2")),
    '422 Invalid: Widget.example.com "a" is invalid: [kind: Invalid value: "Foo": must be Widget, apiVersion: Invalid value: "v2": must be example.com/v1]',
  ],
  ["null", "200", bad("Invalid JSON Patch"), bad("Invalid JSON Patch")],
  ...(
    [
      ["", "unexpected end of JSON input"],
      ["[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"],
      ["1", "json: cannot unmarshal number into Go value of type map[string]interface {}"],
      ["{", "unexpected end of JSON input"],
      ["a: b", "invalid character 'a' looking for beginning of value"],
    ] as const
  ).map(([body, why]): (typeof merges)[number] => [
    body,
    bad(why),
    bad(`error decoding patch: ${why}`),
    bad(`error decoding patch: ${why}`),
  ]),
];

suite("a merge", () => {
  for (const [body, strategic, merge, custom] of merges) {
    test(`with ${body}`, async () => {
      assert.equal(await told(maps, "strategic-merge", { body }), strategic);
      assert.equal(await told(maps, "merge", { body }), merge);
      assert.equal(await told(widgets, "merge", { body }), custom);
    });
  }

  test("of what no schema takes is validated, not decoded", async () => {
    assert.equal(
      await told(widgets, "merge", { body: '{"spec":{"color":1}}' }),
      '422 Invalid: Widget.example.com "a" is invalid: spec.color: Invalid value: "integer": spec.color in body must be of type string: "integer"',
    );
  });

  test("of a part of a number", async () => {
    const body = '{"spec":{"replicas":1.5}}';
    assert.equal(
      await told(deployments, "strategic-merge", { body }),
      unfit("cannot convert float64 to int32", '"map[spec:map[replicas:1.5]]"'),
    );
  });

  test("that can't be read, where nobody asks for its fields", async () => {
    const query = "&fieldValidation=Ignore";
    assert.equal(await told(maps, "merge", { body: "{", query }), bad("Invalid JSON Patch"));
    for (const path of [maps, widgets]) {
      assert.equal(await told(path, "merge", { body: "[1]", query }), unfit(noObject, '"[1]"'));
      assert.equal(await told(path, "merge", { body: "1", query }), bad("Invalid JSON Patch"));
    }
    assert.equal(
      await told(maps, "strategic-merge", { body: "{", query }),
      bad("unexpected end of JSON input"),
    );
    assert.equal(await told(maps, "json", { body: "[", query }), bad("unexpected end of JSON input"));
    assert.equal(
      await told(maps, "json", { body: "[[]]", query }),
      bad("json: cannot unmarshal array into Go value of type jsonpatch.Operation"),
    );
  });
});

const op = (rest: string): string => `[{"op":${rest}}]`;
const undecoded = (what: string): string => bad(`error decoding patch: json: cannot unmarshal ${what}`);

/** By the body: on a built-in resource, and on a custom one where that is told otherwise. */
const operations: readonly (readonly [body: string, builtIn: string, custom?: string])[] = [
  ["[]", "200"],
  ["null", "200"],
  ["", bad("error decoding patch: unexpected end of JSON input")],
  ["{}", undecoded("object into Go value of type []handlers.jsonPatchOp")],
  ["[1]", undecoded("number into Go value of type handlers.jsonPatchOp")],
  ["[null]", notApplied],
  ["[{}]", notApplied],
  [op('"x","path":"/a"'), notApplied],
  [op('1,"path":"/a"'), undecoded("number into Go struct field jsonPatchOp.op of type string")],
  [op('"add","path":[]'), undecoded("array into Go struct field jsonPatchOp.path of type string")],
  [
    op('"move","path":"/a","from":true'),
    undecoded("bool into Go struct field jsonPatchOp.from of type string"),
  ],
  [op('"remove","path":"/nope"'), notApplied],
  [op('"add","path":"/a/b","value":1'), notApplied],
  [op('"test","path":"/kind","value":"X"'), notApplied],
  [op('"replace","path":"/metadata/name","value":"b"'), otherName],
  [op('"replace","path":"/metadata/namespace","value":"b"'), otherNamespace],
  [op('"replace","path":"/metadata/resourceVersion","value":"x"'), unrevised],
  [
    op('"replace","path":"/metadata/uid","value":"x"'),
    immutable("ConfigMap"),
    immutable("Widget.example.com"),
  ],
  [op('"remove","path":"/metadata"'), noName],
  [op('"remove","path":"/kind"'), "200", unfit("Object 'Kind' is missing in OBJECT")],
  [op('"remove","path":"/apiVersion"'), noName, mustBe("apiVersion", "", "example.com/v1")],
  [op('"replace","path":"/kind","value":1'), unfit(kindNumber)],
  [op('"replace","path":"","value":{}'), noName, unfit("Object 'Kind' is missing in OBJECT")],
  [op('"replace","path":"","value":[]'), unfit(noObject, '"[]"')],
  [
    op('"add","path":"/metadata/annotations","value":{"a":1}'),
    unfit(
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.annotations of type string",
    ),
    unfit("json: cannot unmarshal number into Go struct field ObjectMeta.annotations of type string"),
  ],
];

suite("operations", () => {
  for (const [body, builtIn, custom = builtIn] of operations) {
    test(body, async () => {
      assert.equal(await told(maps, "json", { body }), builtIn);
      assert.equal(await told(widgets, "json", { body }), custom);
    });
  }
});

const unrecognized = (kind: string, why: string): string =>
  bad(`the object provided is unrecognized (must be of type ${kind}): ${why}`);

suite("an update", () => {
  for (const [body, builtIn, custom] of [
    ["null", noName, unrecognized("Widget", "Object 'Kind' is missing in 'null' (6e756c6c)")],
    [
      '{"kind":1}',
      unrecognized("ConfigMap", `${kindNumber} ({"kind":1})`),
      unrecognized("Widget", `${kindNumber} ({"kind":1})`),
    ],
    [
      '{"apiVersion":"a/b/c"}',
      unrecognized("ConfigMap", 'unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})'),
      unrecognized("Widget", 'unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})'),
    ],
    [
      `{${widget},"metadata":{"annotations":{"a":1}}}`,
      bad(`Widget in version "v1" cannot be handled as a ConfigMap: ${noKind("Widget", "example.com/v1")}`),
      bad(
        'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number into Go struct field ObjectMeta.annotations of type string',
      ),
    ],
  ] as const) {
    test(`with ${body}`, async () => {
      assert.equal(await told(maps, "put", { body }), builtIn);
      assert.equal(await told(widgets, "put", { body }), custom);
    });
  }

  test("of a name and a namespace that aren't its own is told of the namespace", async () => {
    const body = '{"metadata":{"name":"b","namespace":"other"}}';
    assert.equal(await told(maps, "put", { body }), otherNamespace);
  });
});

test("what was refused is shown: its keys in order where the patch has come by, otherwise in that of their type", async () => {
  const headers = { "content-type": "application/merge-patch+json" };
  const shown = async (path: string, body: string): Promise<string> => {
    const { text } = await ask(`${path}/a`, { method: "PATCH", headers, body });
    const [, quoted = ""] =
      /Invalid value: ("\{.*\}"): /s.exec((JSON.parse(text) as Status).message ?? "") ?? [];
    return (JSON.parse(quoted) as string).replace(/"metadata":.*?(?=,"spec":\{")/, '"metadata":M');
  };
  assert.equal(
    await shown(deployments, '{"spec":{"replicas":"<"}}').then((text) => text.replace(/"strategy":.*/, "")),
    '{"apiVersion":"apps/v1","kind":"Deployment","metadata":M,"spec":{"progressDeadlineSeconds":600,"replicas":"\\u003c","revisionHistoryLimit":10,"selector":{"matchLabels":{"a":"b"}},',
  );
  assert.equal(
    await shown(widgets, '{"kind":1}'),
    '{"apiVersion":"example.com/v1","kind":1,"metadata":M,"spec":{"color":"red","size":3}}',
  );
});
