/** How patches are refused. upstream: apiserver/pkg/endpoints/handlers/patch.go, test/integration/apiserver/field_validation_test.go */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#api/meta/status.ts";
import type { Query } from "#client/client.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const path = "/apis/apps/v1/namespaces/default/deployments/web";
const deployment = {
  metadata: { name: "web" },
  spec: {
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "c", image: "nginx" }] },
    },
  },
};

const strict = { fieldValidation: "Strict" };
const tooMany = Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "Deployment" }));

const cases: readonly [
  name: string,
  format: "json" | "merge" | "strategic-merge",
  body: unknown,
  query: Query,
  code: number,
  message: RegExp | string,
][] = [
  [
    "a JSON patch that is no list",
    "json",
    {},
    {},
    400,
    "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
  ],
  [
    "a JSON patch of what are no operations",
    "json",
    [{ op: "remove", path: "/spec" }, 1],
    {},
    400,
    "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp",
  ],
  [
    "the same where nobody looks at fields",
    "json",
    ["add"],
    { fieldValidation: "Ignore" },
    400,
    /cannot unmarshal string into Go value of type /,
  ],
  [
    "a merge patch that is no object",
    "merge",
    [],
    {},
    400,
    "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
  ],
  [
    "a strategic patch that is no object",
    "strategic-merge",
    [],
    {},
    400,
    "json: cannot unmarshal array into Go value of type map[string]interface {}",
  ],
  [
    "a test that fails",
    "json",
    [{ op: "test", path: "/kind", value: "Pod" }],
    {},
    422,
    "the server rejected our request due to an error in our request",
  ],
  [
    "too many operations",
    "json",
    tooMany,
    {},
    413,
    "The allowed maximum operations in a JSON patch is 10000, got 10001",
  ],
  [
    "an operation with a field that none has",
    "json",
    [{ op: "add", path: "/metadata/labels", value: {}, extra: 1 }],
    strict,
    422,
    /^ "" is invalid: patch: Invalid value: ".*": strict decoding error: json patch unknown field "\[0\].extra"$/,
  ],
  [
    "an unknown field by merge",
    "merge",
    { spec: { foo: 1 } },
    strict,
    422,
    /^ "" is invalid: patch: Invalid value: "\{.*\}": strict decoding error: unknown field "spec.foo"$/,
  ],
  [
    "an unknown field by strategic merge",
    "strategic-merge",
    { spec: { foo: 1 } },
    strict,
    422,
    ' "" is invalid: patch: Invalid value: "map[spec:map[foo:1]]": strict decoding error: unknown field "spec.foo"',
  ],
  [
    "a value of another type",
    "merge",
    { spec: { replicas: "x" } },
    {},
    422,
    /^ "" is invalid: patch: Invalid value: "\{.*\}": json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32$/,
  ],
  ...(
    [
      ["a number", { replicas: "x" }, "map[replicas:x]", "unrecognized type: int32"],
      ["a boolean", { paused: 1 }, "map[paused:1]", "unrecognized type: bool"],
      [
        "a text",
        { strategy: { type: 5 } },
        "map[strategy:map[type:5]]",
        "cannot convert int64 to v1.DeploymentStrategyType",
      ],
      ["a struct", { template: [] }, "map[template:[]]", "cannot restore struct from: slice"],
      [
        "a map",
        { selector: { matchLabels: "a" } },
        "map[selector:map[matchLabels:a]]",
        "cannot restore map from string",
      ],
    ] as const
  ).map(([what, spec, shown, fault]): (typeof cases)[number] => [
    `something else than ${what} by strategic merge`,
    "strategic-merge",
    { spec },
    {},
    422,
    ` "" is invalid: patch: Invalid value: "map[spec:${shown}]": ${fault}`,
  ]),
];
for (const [name, format, body, query, code, message] of cases) {
  test(`a patch is refused: ${name}`, async () => {
    await using server = await startTestApiserver();
    const transport = server.transport();
    await transport.request({ method: "POST", path: path.slice(0, -4), body: deployment });
    const contentType = `application/${format}-patch+json`;
    await assert.rejects(
      transport.request({ method: "PATCH", path, body, query, contentType }),
      (error: unknown) => {
        assert.ok(error instanceof StatusError);
        assert.equal(error.code, code);
        if (typeof message === "string") assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      },
    );
  });
}

test("a refused patch names its one cause, and no kind", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  await transport.request({ method: "POST", path: path.slice(0, -4), body: deployment });
  const contentType = "application/strategic-merge-patch+json";
  const body = { spec: { foo: 1 } };
  await assert.rejects(transport.request({ method: "PATCH", path, body, query: strict, contentType }), {
    status: {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message:
        ' "" is invalid: patch: Invalid value: "map[spec:map[foo:1]]": strict decoding error: unknown field "spec.foo"',
      reason: "Invalid",
      details: {
        causes: [
          {
            reason: "FieldValueInvalid",
            message: 'Invalid value: "map[spec:map[foo:1]]": strict decoding error: unknown field "spec.foo"',
            field: "patch",
          },
        ],
      },
      code: 422,
    },
  });
});
