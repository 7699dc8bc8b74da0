/** Cases re-expressed from apiserver/pkg/admission/plugin/policy/validating/typechecking_test.go. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { cel } from "#api/cel/testing/environment.ts";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import type {
  ExpressionWarning,
  NamedRuleWithOperations,
  Validation,
} from "#api/generated/types/admissionregistration-v1.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import { expressionWarnings } from "./warnings.ts";

const widgets: CustomResourceDefinition = {
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", kind: "Widget" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: {
                  size: { type: "integer" },
                  parts: {
                    type: "array",
                    items: { type: "object", properties: { name: { type: "string" } } },
                  },
                },
              },
              free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
            },
          },
        },
      },
      { name: "v2", served: false, storage: false, schema: { openAPIV3Schema: { type: "object" } } },
    ],
  },
};

const deps = { definitions: [widgets], cel, scheme: createScheme(), table: createTypeTable() };
const rule = (group: string, ...resources: string[]): NamedRuleWithOperations => ({
  apiGroups: [group],
  apiVersions: ["v1"],
  operations: ["*"],
  resources,
});

const warningsOf = (
  rules: NamedRuleWithOperations[],
  ...validations: Validation[]
): readonly ExpressionWarning[] =>
  expressionWarnings(
    { metadata: { name: "p" }, spec: { matchConstraints: { resourceRules: rules }, validations } },
    deps,
  );

suite("type checking of policies", () => {
  test("finds nothing in what is right, down to the fields of lists and maps", () => {
    const expressions = [
      "object.spec.replicas <= 5 && object.metadata.labels['a'] == 'b'",
      "object.spec.template.spec.containers.all(c, c.image.startsWith('x') && has(c.resources.limits))",
      "object.metadata.creationTimestamp < timestamp('2030-01-01T00:00:00Z')",
      "oldObject == null || object.metadata.__namespace__ == oldObject.metadata.__namespace__",
      "object.spec.strategy.rollingUpdate.maxSurge == '25%'",
    ];
    const validations = expressions.map((expression) => ({ expression }));
    assert.deepEqual(warningsOf([rule("apps", "deployments")], ...validations), []);
  });

  test("names the kind, the place and what is wrong", () => {
    const [warning, ...others] = warningsOf([rule("apps", "deployments")], { expression: "object.foo < 5" });
    assert.deepEqual(others, []);
    assert.deepEqual(warning, {
      fieldRef: "spec.validations[0].expression",
      warning:
        "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'foo'\n | object.foo < 5\n | ......^\n",
    });
  });

  test("knows types of fields, and looks at every kind and at messages", () => {
    const validation = { expression: "object.spec.replicas > '5'", messageExpression: "object.nothing" };
    const warnings = warningsOf([rule("apps", "statefulsets", "deployments")], validation);
    assert.deepEqual(
      warnings.map(({ fieldRef }) => fieldRef),
      ["spec.validations[0].expression", "spec.validations[0].messageExpression"],
    );
    assert.match(
      warnings[0]?.warning ?? "",
      /^apps\/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '\(int, string\)'(.|\n)*\napps\/v1, Kind=StatefulSet: /,
    );
  });

  test("knows the schemas of custom resources, of the versions that are served", () => {
    const both = { ...rule("example.com", "widgets"), apiVersions: ["v1", "v2"] };
    const fine = [
      "object.spec.size > 3 && object.spec.parts.all(p, p.name != '') && object.metadata.name != ''",
      "oldObject == null || object.spec == oldObject.spec",
    ];
    assert.deepEqual(warningsOf([both], ...fine.map((expression) => ({ expression }))), []);
    const wrong = ["object.spec.sise > 3", "object.spec.size == 'a'", "object.spec.parts[0].name > 1"];
    assert.deepEqual(
      warningsOf([both], ...wrong.map((expression) => ({ expression }))).map(
        ({ warning }) => warning.split("\n")[0],
      ),
      [
        "example.com/v1, Kind=Widget: ERROR: <input>:1:12: undefined field 'sise'",
        "example.com/v1, Kind=Widget: ERROR: <input>:1:18: found no matching overload for '_==_' applied to '(int, string)'",
        "example.com/v1, Kind=Widget: ERROR: <input>:1:27: found no matching overload for '_>_' applied to '(string, int)'",
      ],
    );
  });

  const paramCases: readonly (readonly [
    apiVersion: string,
    kind: string,
    expression: string,
    fault: string,
  ])[] = [
    ["v1", "ConfigMap", "params.data['a'] == 'b' && params.immutable", ""],
    ["v1", "ConfigMap", "params.size > 3", "1:7: undefined field 'size'"],
    ["example.com/v1", "Widget", "params.spec.size > 3 && params.metadata.name != ''", ""],
    ["example.com/v1", "Widget", "params.spec.sise > 3", "1:12: undefined field 'sise'"],
    // Nobody says what these are.
    ["example.com/v2", "Widget", "params.spec.sise > 3", ""],
    ["metrics.example.com/v1", "Load", "params.anything.goes", ""],
  ];
  for (const [apiVersion, kind, expression, fault] of paramCases) {
    test(`parameters are a ${kind} of ${apiVersion}: ${expression}`, () => {
      const spec = {
        paramKind: { apiVersion, kind },
        matchConstraints: { resourceRules: [rule("apps", "deployments"), rule("example.com", "widgets")] },
        validations: [{ expression: `${expression} || object.metadata.name == ''` }],
      };
      const texts = expressionWarnings({ metadata: { name: "p" }, spec }, deps).flatMap(({ warning }) =>
        warning.split("\n").filter((line) => line.includes("ERROR: ")),
      );
      const expected = ["apps/v1, Kind=Deployment", "example.com/v1, Kind=Widget"].map(
        (judged) => `${judged}: ERROR: <input>:${fault}`,
      );
      assert.deepEqual(texts, fault === "" ? [] : expected);
    });
  }

  test("a rule with a star is about nothing in particular", () => {
    assert.deepEqual(warningsOf([rule("*", "*")], { expression: "object.foo < 5" }), []);
  });
});
