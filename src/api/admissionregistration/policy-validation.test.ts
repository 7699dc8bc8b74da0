/** Cases re-expressed from pkg/apis/admissionregistration/validation/validation_test.go. */
import { suite } from "node:test";
import {
  testCreates,
  testStatusUpdates,
  testUpdates,
  type CreateCase,
  type UpdateCase,
  type Valid,
} from "../testing/validation-cases.ts";

const group = "admissionregistration.k8s.io";
const validating = `${group}/v1/ValidatingAdmissionPolicy`;
const validatingBinding = `${group}/v1/ValidatingAdmissionPolicyBinding`;
const mutating = `${group}/v1beta1/MutatingAdmissionPolicy`;
const mutatingBinding = `${group}/v1beta1/MutatingAdmissionPolicyBinding`;

const rule = { apiGroups: ["a"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] };
const matchConstraints = { resourceRules: [rule] };
const paramRef = { name: "x", parameterNotFoundAction: "Deny" };
const applied = { patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{}" } };

const badConditions = {
  spec: { matchConditions: ["a", "a"].map((name) => ({ name, expression: "true" })) },
};

const valid: Valid = {
  [validating]: { spec: { matchConstraints, validations: [{ expression: "true" }] } },
  [validatingBinding]: { spec: { policyName: "p", validationActions: ["Deny"], paramRef } },
  [mutating]: { spec: { matchConstraints, reinvocationPolicy: "Never", mutations: [applied] } },
  [mutatingBinding]: { spec: { policyName: "p", paramRef } },
};

const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/** What both kinds of policies have in common. */
const common = (key: string): CreateCase[] => [
  [
    key,
    { spec: { failurePolicy: "x" } },
    'spec.failurePolicy: Unsupported value: "x": supported values: "Fail", "Ignore"',
  ],
  [key, { spec: { matchConstraints: undefined } }, "spec.matchConstraints: Required value"],
  [
    key,
    { spec: { matchConstraints: { resourceRules: undefined } } },
    "spec.matchConstraints.resourceRules: Required value",
  ],
  [
    key,
    { spec: { matchConstraints: { matchPolicy: "x" } } },
    'spec.matchConstraints.matchPolicy: Unsupported value: "x": supported values: "Equivalent", "Exact"',
  ],
  [
    key,
    { spec: { matchConstraints: { objectSelector: { matchExpressions: [{ key: "a", operator: "x" }] } } } },
    'spec.matchConstraints.objectSelector.matchExpressions[0].operator: Invalid value: "x": not a valid selector operator',
  ],
  [
    key,
    { spec: { matchConstraints: { resourceRules: [{ ...rule, apiVersions: [] }] } } },
    "spec.matchConstraints.resourceRules[0].apiVersions: Required value",
  ],
  [
    key,
    { spec: { matchConstraints: { excludeResourceRules: [{ ...rule, resources: ["a/b", "a/*", "a/c"] }] } } },
    "spec.matchConstraints.excludeResourceRules[0].resources[2]: Invalid value: \"a/c\": if 'a/*' is present, must not specify a/c",
  ],
  [
    key,
    { spec: { matchConstraints: { resourceRules: [{ ...rule, resourceNames: ["a", "/", "a"] }] } } },
    "spec.matchConstraints.resourceRules[0].resourceNames[1]: Invalid value: \"/\": may not contain '/'",
    'spec.matchConstraints.resourceRules[0].resourceNames[2]: Duplicate value: "a"',
  ],
  [
    key,
    { spec: { paramKind: {} } },
    "spec.paramKind.apiVersion: Required value",
    "spec.paramKind.kind: Required value",
  ],
  [
    key,
    { spec: { paramKind: { apiVersion: "a/b/c", kind: "Map" } } },
    'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
  ],
  [
    key,
    { spec: { paramKind: { apiVersion: "a/", kind: "Map" } } },
    'spec.paramKind.apiVersion: Invalid value: "a/": version must be specified',
  ],
  [
    key,
    { spec: { paramKind: { apiVersion: "!!/v1", kind: "Map" } } },
    `spec.paramKind.apiVersion: Invalid value: "!!": ${subdomain}`,
  ],
  [
    key,
    { spec: { paramKind: { apiVersion: "v1", kind: "_x" } } },
    'spec.paramKind.kind: Invalid value: "_x": may have mixed case, but should otherwise match: a DNS-1035 label …',
  ],
  [
    key,
    { spec: { matchConditions: [{ name: "a", expression: " " }, { expression: "true" }] } },
    "spec.matchConditions[0].expression: Required value",
    "spec.matchConditions[1].name: Required value",
  ],
  [
    key,
    { spec: { matchConditions: ["a", "a"].map((name) => ({ name, expression: "true" })) } },
    'spec.matchConditions[1].name: Duplicate value: "a"',
  ],
  [
    key,
    {
      spec: {
        matchConditions: Array.from({ length: 65 }, (_, at) => ({ name: `a${at}`, expression: "true" })),
      },
    },
    "spec.matchConditions: Too many: 65: must have at most 64 items",
  ],
  [
    key,
    {
      spec: {
        variables: [{ name: "a-b", expression: "1" }, { name: "if", expression: "" }, { expression: "1" }],
      },
    },
    'spec.variables[0].name: Invalid value: "a-b": must be a valid CEL identifier',
    'spec.variables[1].name: Invalid value: "if": must be a valid CEL identifier',
    "spec.variables[1].expression: Required value: expression is not specified",
    "spec.variables[2].name: Required value: name is not specified",
  ],
];

const commonOfBindings = (key: string): CreateCase[] => [
  [key, { spec: { policyName: "" } }, "spec.policyName: Required value"],
  [key, { spec: { policyName: "!" } }, `spec.policyName: Invalid value: "!": ${subdomain}`],
  [
    key,
    { spec: { paramRef: { selector: {} } } },
    "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
    "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
  ],
  [
    key,
    { spec: { paramRef: { name: "" } } },
    "spec.paramRef: Required value: one of name or selector must be specified",
  ],
  [
    key,
    { spec: { paramRef: { parameterNotFoundAction: undefined } } },
    "spec.paramRef.parameterNotFoundAction: Required value",
  ],
  [
    key,
    { spec: { paramRef: { parameterNotFoundAction: "x" } } },
    'spec.paramRef.parameterNotFoundAction: Unsupported value: "x": supported values: "Deny", "Allow"',
  ],
  [key, { spec: { paramRef: { name: ".." } } }, "spec.paramRef.name: Invalid value: \"..\": may not be '..'"],
  [
    key,
    { spec: { matchResources: { resourceRules: [{ ...rule, operations: [] }] } } },
    "spec.matchResources.resourceRules[0].operations: Required value",
  ],
];

suite("policies of both kinds", () => {
  testCreates(valid, [...common(validating), ...common(mutating)]);
});

suite("bindings of both kinds", () => {
  testCreates(
    { [validatingBinding]: valid[validatingBinding] ?? {}, [mutatingBinding]: valid[mutatingBinding] ?? {} },
    [...commonOfBindings(validatingBinding), ...commonOfBindings(mutatingBinding)],
  );
});

const annotation = { key: "a", valueExpression: "'x'" };
const either = "validations or auditAnnotations must contain at least one item";

suite("validating policies", () => {
  testCreates({ [validating]: valid[validating] ?? {} }, [
    [
      validating,
      { spec: { validations: [] } },
      `spec.validations: Required value: ${either}`,
      `spec.auditAnnotations: Required value: ${either}`,
    ],
    [
      validating,
      { spec: { validations: [{ expression: "", messageExpression: " ", message: " ", reason: "x" }] } },
      "spec.validations[0].expression: Required value: expression is not specified",
      'spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified',
      'spec.validations[0].message: Invalid value: " ": must be non-empty if specified',
      'spec.validations[0].reason: Unsupported value: "x": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
    ],
    [
      validating,
      { spec: { validations: [{ expression: "true", message: "a\nb" }] } },
      'spec.validations[0].message: Invalid value: "a\\nb": must not contain line breaks',
    ],
    [
      validating,
      { spec: { auditAnnotations: [annotation, annotation] } },
      'spec.auditAnnotations[1].key: Duplicate value: "a"',
    ],
    [
      validating,
      { spec: { auditAnnotations: [{ key: "", valueExpression: " " }] } },
      'spec.auditAnnotations[0].key: Invalid value: "x/": name part must be non-empty',
      "spec.auditAnnotations[0].key: Invalid value: \"x/\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character …",
      "spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified",
    ],
    [
      validating,
      { spec: { auditAnnotations: [{ key: "a", valueExpression: `'${"x".repeat(5119)}'` }] } },
      "spec.auditAnnotations[0].valueExpression: Required value: must not exceed 5120 bytes in length",
    ],
    [
      validating,
      {
        spec: {
          auditAnnotations: Array.from({ length: 21 }, (_, at) => ({ ...annotation, key: `a${at}` })),
        },
      },
      "spec.auditAnnotations: Invalid value: …",
    ],
    [
      validatingBinding,
      { spec: { policyName: "p", validationActions: ["Deny", "Warn", "Deny", "x"] } },
      'spec.validationActions[2]: Duplicate value: "Deny"',
      'spec.validationActions[3]: Unsupported value: "x": supported values: "Audit", "Deny", "Warn"',
      'spec.validationActions: Invalid value: ["Deny","Warn","Deny","x"]: must not contain both Deny and Warn …',
    ],
    [
      validatingBinding,
      { spec: { policyName: "p" } },
      "spec.validationActions: Required value: at least one validation action is required",
    ],
  ]);
});

const jsonPatch = { expression: "[]" };
const mutations = (...all: object[]): object => ({ spec: { mutations: all } });

suite("mutating policies", () => {
  testCreates({ [mutating]: valid[mutating] ?? {} }, [
    [mutating, mutations(), "spec.mutations: Required value: mutations must contain at least one item"],
    [mutating, mutations({ jsonPatch }), "spec.mutations[0].patchType: Required value"],
    [
      mutating,
      mutations({ patchType: "x" }),
      'spec.mutations[0].patchType: Unsupported value: "x": supported values: "ApplyConfiguration", "JSONPatch"',
    ],
    [
      mutating,
      mutations({ patchType: "JSONPatch", applyConfiguration: applied.applyConfiguration }),
      "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch",
      'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
    ],
    [
      mutating,
      mutations({ patchType: "ApplyConfiguration", jsonPatch }),
      "spec.mutations[0].applyConfiguration: Required value: must be specified when patchType is ApplyConfiguration",
      'spec.mutations[0].jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration',
    ],
    [
      mutating,
      mutations({ patchType: "JSONPatch", jsonPatch: { expression: "  " } }),
      "spec.mutations[0].jsonPatch.expression: Required value",
    ],
    [mutating, { spec: { reinvocationPolicy: undefined } }, "spec.reinvocationPolicy: Required value"],
    [
      mutating,
      { spec: { reinvocationPolicy: "x" } },
      'spec.reinvocationPolicy: Unsupported value: "x": supported values: "Never", "IfNeeded"',
    ],
    [
      mutating,
      { spec: { matchConstraints: { resourceRules: [{ ...rule, operations: ["UPDATE", "DELETE"] }] } } },
      'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
    ],
    [
      mutatingBinding,
      {
        spec: {
          policyName: "p",
          matchResources: { resourceRules: [{ ...rule, operations: ["DELETE"] }] },
        },
      },
      'spec.matchResources.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
    ],
  ]);
  testUpdates(valid, [
    [
      mutating,
      {},
      { spec: { mutations: [] } },
      "spec.mutations: Required value: mutations must contain at least one item",
    ],
    ...[validating, mutating].flatMap((kind): UpdateCase[] => [
      [kind, badConditions, { spec: { failurePolicy: "Ignore" } }],
      [
        kind,
        badConditions,
        { spec: { paramKind: { apiVersion: "v1", kind: "ConfigMap" } } },
        'spec.matchConditions[1].name: Duplicate value: "a"',
      ],
    ]),
  ]);
});

const warned = (fieldRef: string): object => ({
  status: { typeChecking: { expressionWarnings: [{ fieldRef, warning: "w" }] } },
});
const at = "status.typeChecking.expressionWarnings[0].fieldRef";

testStatusUpdates(valid, [
  [validating, {}, warned("spec.validations[0].expression")],
  [validating, {}, warned(" "), `${at}: Required value`],
  [
    validating,
    {},
    warned("spec.validations[0"),
    `${at}: Invalid value: "spec.validations[0": invalid JSONPath: unterminated array`,
  ],
]);
