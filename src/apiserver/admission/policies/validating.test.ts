/** Cases re-expressed from apiserver/pkg/admission/plugin/policy/validating/{admission,validator}_test.go. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import { createExpressions } from "#api/expressions.ts";
import type {
  NamedRuleWithOperations,
  ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicySpec,
} from "#api/generated/types/admissionregistration-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import {
  configMaps,
  deployments,
  namespaces,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from "#api/resources.ts";
import type { Attributes, Authorizer } from "#apiserver/authz/authorizer.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { attributesOf, run, type Write } from "../testing/attributes.ts";
import type { ObjectTypes } from "../webhooks/object-types.ts";
import { unmeasured } from "../testing/unmeasured.ts";
import { ValidatingPolicies } from "./validating.ts";

const engine = createExpressions();

/** Deployments, as they were in another version, too: their spec was a text there. */
const old = { group: "apps", version: "v1beta1", resource: "deployments", kind: "Deployment" };
const types: ObjectTypes = {
  equivalents: ({ resource }) => (resource === "deployments" ? [{ gvr: old, gvk: old }] : []),
  resourceOf: ({ kind }) => (kind === "ConfigMap" ? { resource: "configmaps", namespaced: true } : undefined),
  convert: (object, _from, { version }) =>
    Promise.resolve({ ...object, apiVersion: version, spec: `of ${version}` }),
  read: (object) => object,
  written: (object) => object,
  applyType: () => undefined,
};

const everything: ValidatingAdmissionPolicySpec["matchConstraints"] = {
  resourceRules: [
    { apiGroups: ["*"], apiVersions: ["*"], operations: ["CREATE", "UPDATE"], resources: ["*"] },
  ],
};

const ofVersion = (apiVersion: string): NamedRuleWithOperations[] => [
  { apiGroups: ["apps"], apiVersions: [apiVersion], operations: ["*"], resources: ["deployments"] },
];

interface Setup {
  readonly spec: Partial<ValidatingAdmissionPolicySpec>;
  readonly binding?: ValidatingAdmissionPolicyBindingSpec;
  readonly write?: Write;
}

interface Outcome {
  readonly refusal: string | undefined;
  readonly status: StatusError["status"] | undefined;
  readonly warnings: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly asked: readonly Attributes[];
  readonly metrics: string;
}

const deploymentOf = (count: number, labels: Record<string, string>): KubeObject =>
  ({
    metadata: { name: "web", namespace: "ns", labels },
    spec: { replicas: count },
  }) as KubeObject;

const replicas = (count: number, labels = {}): Write => ({
  object: deploymentOf(count, labels),
});

async function outcomeOf({ spec, binding, write = replicas(5) }: Setup): Promise<Outcome> {
  const api = new MemoryApi();
  api.seed(namespaces, { metadata: { name: "ns", labels: { env: "test" } } });
  api.seed(validatingAdmissionPolicies, {
    metadata: { name: "p" },
    spec: { failurePolicy: "Fail", matchConstraints: everything, ...spec },
  });
  api.seed(validatingAdmissionPolicyBindings, {
    metadata: { name: "b" },
    spec: { policyName: "p", validationActions: ["Deny"], ...binding },
  });
  const asked: Attributes[] = [];
  const authorizer: Authorizer = {
    authorize: (attributes) => {
      asked.push(attributes);
      return Promise.resolve({ allowed: attributes.verb === "get", denied: false, reason: "" });
    },
    rulesFor: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
  };
  const registry = new Registry();
  const plugin = new ValidatingPolicies({
    client: api,
    informers: api,
    ...unmeasured(registry),
    authorizer,
    loadExpressions: () => Promise.resolve(engine),
    types,
  });
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  let status: StatusError["status"] | undefined;
  try {
    await run(
      plugin,
      attributesOf(deployments, {
        ...write,
        warn: (text) => warnings.push(text),
        annotate: (key, text) => {
          annotations[key] = text;
        },
      }),
    );
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    status = error.status;
  }
  const refusal = status?.details?.causes?.[0]?.message;
  return { refusal, status, warnings, annotations, asked, metrics: await registry.metrics() };
}

const denied = (message: string): string =>
  `ValidatingAdmissionPolicy 'p' with binding 'b' denied request: ${message}`;

const cases: readonly (readonly [name: string, setup: Setup, refusal: string | undefined])[] = [
  ["what holds", { spec: { validations: [{ expression: "object.spec.replicas <= 5" }] } }, undefined],
  [
    "what doesn't, in the expression's words",
    { spec: { validations: [{ expression: " object.spec.replicas <= 4 " }] } },
    denied("failed expression: object.spec.replicas <= 4"),
  ],
  [
    "with a message",
    { spec: { validations: [{ expression: "false", message: "too many" }] } },
    denied("too many"),
  ],
  [
    "with a message that is made",
    {
      spec: {
        validations: [
          { expression: "false", message: "x", messageExpression: "'has ' + string(object.spec.replicas)" },
        ],
      },
    },
    denied("has 5"),
  ],
  [
    "with a message that can't be made",
    {
      spec: { validations: [{ expression: "false", message: "fixed", messageExpression: "object.nothing" }] },
    },
    denied("fixed"),
  ],
  [
    "an error",
    { spec: { validations: [{ expression: "object.spec.nothing > 1" }] } },
    denied("expression 'object.spec.nothing > 1' resulted in error: no such key: nothing"),
  ],
  [
    "an error that is ignored",
    { spec: { failurePolicy: "Ignore", validations: [{ expression: "object.spec.nothing > 1" }] } },
    undefined,
  ],
  [
    "variables",
    {
      spec: {
        variables: [
          { name: "count", expression: "object.spec.replicas" },
          { name: "double", expression: "variables.count * 2" },
        ],
        validations: [{ expression: "variables.double < 10", messageExpression: "string(variables.double)" }],
      },
    },
    denied("10"),
  ],
  [
    "a variable that fails",
    {
      spec: {
        variables: [{ name: "v", expression: "object.x" }],
        validations: [{ expression: "variables.v == 1" }],
      },
    },
    denied(
      `expression 'variables.v == 1' resulted in error: composited variable "v" fails to evaluate: no such key: x`,
    ),
  ],
  [
    "a condition that isn't met",
    {
      spec: {
        matchConditions: [{ name: "c", expression: "object.spec.replicas > 9" }],
        validations: [{ expression: "false" }],
      },
    },
    undefined,
  ],
  [
    "a condition that fails",
    {
      spec: {
        matchConditions: [{ name: "c", expression: "object.x" }],
        validations: [{ expression: "false" }],
      },
    },
    denied("compilation error: must evaluate to bool but got dyn"),
  ],
  [
    "the namespace",
    { spec: { validations: [{ expression: "namespaceObject.metadata.labels['env'] == 'test'" }] } },
    undefined,
  ],
  [
    "the request",
    {
      spec: {
        validations: [
          {
            expression:
              "request.operation == 'CREATE' && request.resource.resource == 'deployments' && request.userInfo.username == 'alice' && request.name == 'web' && !request.dryRun",
          },
        ],
      },
    },
    undefined,
  ],
  [
    "what was before",
    {
      spec: {
        validations: [{ expression: "oldObject == null || object.spec.replicas >= oldObject.spec.replicas" }],
      },
    },
    undefined,
  ],
  [
    "no old object",
    { spec: { validations: [{ expression: "oldObject.spec.replicas == 1" }] } },
    denied("expression 'oldObject.spec.replicas == 1' resulted in error: no such overload"),
  ],
  [
    "a rule about another resource",
    {
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["pods"] }],
        },
        validations: [{ expression: "false" }],
      },
    },
    undefined,
  ],
  [
    "an excluded resource",
    {
      spec: {
        matchConstraints: {
          ...everything,
          excludeResourceRules: [
            { apiGroups: ["apps"], apiVersions: ["*"], operations: ["*"], resources: ["deployments"] },
          ],
        },
        validations: [{ expression: "false" }],
      },
    },
    undefined,
  ],
  [
    "a rule about another version sees the object in that version",
    {
      spec: {
        matchConstraints: { resourceRules: ofVersion("v1beta1") },
        validations: [
          {
            expression: "object.spec == 'other'",
            messageExpression: "object.spec + request.kind.version + request.requestKind.version",
          },
        ],
      },
    },
    denied("of v1beta1v1beta1v1"),
  ],
  [
    "a rule about another version, exactly",
    {
      spec: {
        matchConstraints: { matchPolicy: "Exact", resourceRules: ofVersion("v1beta1") },
        validations: [{ expression: "false" }],
      },
    },
    undefined,
  ],
  [
    "excluded in another version",
    {
      spec: {
        matchConstraints: { ...everything, excludeResourceRules: ofVersion("v1beta1") },
        validations: [{ expression: "false" }],
      },
    },
    undefined,
  ],
  [
    "a name that isn't meant",
    {
      spec: {
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ["*"],
              apiVersions: ["*"],
              operations: ["*"],
              resources: ["*"],
              resourceNames: ["other"],
            },
          ],
        },
        validations: [{ expression: "false" }],
      },
    },
    undefined,
  ],
  [
    "a namespace that isn't meant",
    {
      spec: { validations: [{ expression: "false" }] },
      binding: { matchResources: { namespaceSelector: { matchLabels: { env: "prod" } } } },
    },
    undefined,
  ],
  [
    "an object that isn't meant",
    {
      spec: { validations: [{ expression: "false" }] },
      binding: { matchResources: { objectSelector: { matchLabels: { a: "b" } } } },
    },
    undefined,
  ],
  [
    "an object that is",
    {
      spec: { validations: [{ expression: "false" }] },
      binding: { matchResources: { objectSelector: { matchLabels: { a: "b" } } } },
      write: replicas(1, { a: "b" }),
    },
    denied("failed expression: false"),
  ],
  [
    "another operation",
    { spec: { validations: [{ expression: "false" }] }, write: { ...replicas(1), operation: "DELETE" } },
    undefined,
  ],
  [
    "too costly",
    { spec: { validations: [{ expression: "lists.range(1000000).all(x, true)" }] } },
    denied(
      "expression 'lists.range(1000000).all(x, true)' resulted in error: operation cancelled: actual cost limit exceeded",
    ),
  ],
];

suite("ValidatingAdmissionPolicy", () => {
  for (const [name, setup, refusal] of cases) {
    test(name, async () => {
      assert.equal((await outcomeOf(setup)).refusal, refusal);
    });
  }

  test("refuses as what its validation says, and names the object", async () => {
    const expression = "false";
    const { status } = await outcomeOf({ spec: { validations: [{ expression, reason: "Forbidden" }] } });
    assert.deepEqual([status?.code, status?.reason], [403, "Forbidden"]);
    const invalid = await outcomeOf({ spec: { validations: [{ expression }] } });
    assert.deepEqual([invalid.status?.code, invalid.status?.reason], [422, "Invalid"]);
    assert.equal(
      invalid.status?.message,
      `deployments.apps "web" is forbidden: ${denied("failed expression: false")}`,
    );
  });

  test("warns and notes instead, as the binding wants it", async () => {
    const { refusal, warnings, annotations } = await outcomeOf({
      spec: {
        validations: [{ expression: "false" }],
        auditAnnotations: [
          { key: "count", valueExpression: "'has ' + string(object.spec.replicas)" },
          { key: "none", valueExpression: "null" },
        ],
      },
      binding: { validationActions: ["Warn", "Audit"] },
    });
    assert.equal(refusal, undefined);
    assert.deepEqual(warnings, [
      "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed expression: false",
    ]);
    assert.deepEqual(annotations, {
      "p/count": "has 5",
      "validation.policy.admission.k8s.io/validation_failure":
        '[{"message":"failed expression: false","policy":"p","binding":"b","expressionIndex":0,"validationActions":["Warn","Audit"]}]',
    });
  });

  test("asks the authorizer, as the requester or as an account", async () => {
    const { refusal, asked } = await outcomeOf({
      spec: {
        validations: [
          { expression: "authorizer.requestResource.check('get').allowed()" },
          {
            expression:
              "!authorizer.serviceAccount('a', 'b').group('').resource('pods').namespace('c').check('list').allowed()",
          },
        ],
      },
    });
    assert.equal(refusal, undefined);
    assert.deepEqual(
      asked.map(({ user, verb, resource, namespace, name }) => [user.name, verb, resource, namespace, name]),
      [
        ["alice", "get", "deployments", "ns", "web"],
        ["system:serviceaccount:a:b", "list", "pods", "c", ""],
      ],
    );
  });

  test("without policies, nothing is loaded", async () => {
    const api = new MemoryApi();
    const plugin = new ValidatingPolicies({
      client: api,
      informers: api,
      ...unmeasured(),
      authorizer: { authorize: () => assert.fail(), rulesFor: () => assert.fail() },
      loadExpressions: () => assert.fail("loaded"),
      types,
    });
    await run(plugin, attributesOf(configMaps, { object: { metadata: { name: "a", namespace: "b" } } }));
  });
});

const counted: readonly (readonly [what: string, setup: Setup, labels: string | undefined])[] = [
  [
    "what is refused",
    { spec: { validations: [{ expression: "false" }] } },
    'error_type="no_error",enforcement_action="deny"',
  ],
  [
    "what is only told",
    { spec: { validations: [{ expression: "false" }] }, binding: { validationActions: ["Warn", "Audit"] } },
    'error_type="no_error",enforcement_action="audit"',
  ],
  [
    "what fails",
    { spec: { validations: [{ expression: "object.none == 1" }] } },
    'error_type="invalid_error",enforcement_action="deny"',
  ],
  [
    "what fails and is ignored",
    { spec: { failurePolicy: "Ignore", validations: [{ expression: "object.none == 1" }] } },
    'error_type="invalid_error",enforcement_action="allow"',
  ],
  [
    "what can't be compiled",
    { spec: { validations: [{ expression: "(" }] } },
    'error_type="compile_error",enforcement_action="deny"',
  ],
  ["not what holds", { spec: { validations: [{ expression: "true" }] } }, undefined],
];
for (const [what, setup, labels] of counted) {
  test(`counted by policy: ${what}`, async () => {
    const { metrics } = await outcomeOf(setup);
    const name = "apiserver_validating_admission_policy_check";
    const shown = `policy="p",policy_binding="b",${labels ?? ""}`;
    assert.equal(metrics.includes(`${name}_total{${shown}} 1\n`), labels !== undefined);
    assert.equal(metrics.includes(`${name}_duration_seconds_count{${shown}} 1\n`), labels !== undefined);
    assert.match(metrics, /^apiserver_cel_compilation_duration_seconds_count 1$/m);
    assert.match(metrics, /^apiserver_cel_evaluation_duration_seconds_count 1$/m);
  });
}

test("counted by policy: what match conditions leave out", async () => {
  const matchConditions = [{ name: "never", expression: "false" }];
  const { metrics } = await outcomeOf({ spec: { matchConditions, validations: [{ expression: "false" }] } });
  const owner = 'name="p",kind="policy",type="validate",operation="CREATE"';
  assert.ok(metrics.includes(`apiserver_admission_match_condition_exclusions_total{${owner}} 1\n`));
  assert.ok(metrics.includes(`apiserver_admission_match_condition_evaluation_seconds_count{${owner}} 1\n`));
});
