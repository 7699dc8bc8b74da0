/** Cases re-expressed from apiserver/pkg/admission/plugin/policy/validating/{admission,validator}_test.go. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { NamedRuleWithOperations } from "#api/generated/types/admissionregistration-v1.ts";
import { configMaps } from "#api/resources.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { attributesOf, run } from "../testing/attributes.ts";
import { unmeasured } from "../testing/unmeasured.ts";
import { everything, outcomeOf, replicas, types, type Setup } from "./testing/validating-world.ts";
import { ValidatingPolicies } from "./validating.ts";

const ofVersion = (apiVersion: string): NamedRuleWithOperations[] => [
  { apiGroups: ["apps"], apiVersions: [apiVersion], operations: ["*"], resources: ["deployments"] },
];

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
