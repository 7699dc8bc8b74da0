import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { KubeObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import { startTestServer } from "#testing/server.ts";
import { attributesFaults, questionOf, type Asked } from "./asked-attributes.ts";

const jane = { name: "jane", groups: [] };

const withFields = (fieldSelector: object): Asked => ({ resourceAttributes: { fieldSelector } });
const withLabels = (labelSelector: object): Asked => ({ resourceAttributes: { labelSelector } });

const partly = (what: string, how: string): string =>
  `spec.resourceAttributes.${what} ${how} due to parse error`;

suite("selectors of what is asked", () => {
  for (const [asked, selector, errors] of [
    [withFields({ rawSelector: "a=b,c!=d" }), "a=b,c!=d", []],
    [withFields({ rawSelector: "a" }), undefined, [partly("fieldSelector", "ignored")]],
    [
      withFields({
        requirements: [
          { key: "a", operator: "In", values: ["x,y"] },
          { key: "b", operator: "NotIn", values: ["z"] },
        ],
      }),
      "a=x\\,y,b!=z",
      [],
    ],
    [
      withFields({
        requirements: [
          { key: "a", operator: "In", values: ["1", "2"] },
          { key: "b", operator: "In", values: ["3"] },
        ],
      }),
      "b=3",
      [partly("fieldSelector", "partially ignored")],
    ],
    [
      withFields({ requirements: [{ key: "a", operator: "Exists" }] }),
      undefined,
      [partly("fieldSelector", "ignored")],
    ],
    [
      withFields({ requirements: [{ key: "a=b,c", operator: "In", values: ["d"] }] }),
      undefined,
      [partly("fieldSelector", "ignored")],
    ],
  ] as const) {
    test(`fields: ${JSON.stringify(asked.resourceAttributes?.fieldSelector)}`, () => {
      const question = questionOf(jane, asked);
      assert.equal(question.attributes.fieldSelector, selector);
      assert.deepEqual(question.errors, errors);
    });
  }
  for (const [asked, selector, errors] of [
    [withLabels({ rawSelector: "a in (b,c)" }), "a in (b,c)", []],
    [withLabels({ rawSelector: "((" }), undefined, [partly("labelSelector", "ignored")]],
    [
      withLabels({
        requirements: [
          { key: "a", operator: "In", values: ["x", "w"] },
          { key: "b", operator: "Exists" },
          { key: "c", operator: "DoesNotExist" },
          { key: "d", operator: "New" },
        ],
      }),
      "a in (w,x),b,!c",
      [partly("labelSelector", "partially ignored")],
    ],
  ] as const) {
    test(`labels: ${JSON.stringify(asked.resourceAttributes?.labelSelector)}`, () => {
      const question = questionOf(jane, asked);
      assert.equal(question.attributes.labelSelector, selector);
      assert.deepEqual(question.errors, errors);
    });
  }

  for (const [asked, faults] of [
    [
      withFields({}),
      [
        "spec.resourceAttributes.fieldSelector.requirements: Required value: when spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required",
      ],
    ],
    [
      withFields({ rawSelector: "a=b", requirements: [{ operator: "In" }] }),
      [
        'spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements',
        "spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        "spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified",
      ],
    ],
    [
      withLabels({ requirements: [{ key: "a", operator: "Exists", values: ["v"] }] }),
      [
        "spec.resourceAttributes.labelSelector.requirements[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      ],
    ],
    [withLabels({ requirements: [{ key: "a", operator: "New", values: ["v"] }] }), []],
    [
      { ...withLabels({}), nonResourceAttributes: {} },
      [
        'spec.nonResourceAttributes: Invalid value: {"Path":"","Verb":""}: cannot be specified in combination with resourceAttributes',
        "spec.resourceAttributes.labelSelector.requirements: Required value: when spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required",
      ],
    ],
  ] as const) {
    test(`faults of ${JSON.stringify(asked.resourceAttributes)}`, () => {
      assert.deepEqual(
        attributesFaults(asked).map(({ field, message }) => `${field}: ${message}`),
        faults,
      );
    });
  }
});

test("reviews over a server: who may what, and what isn't a question", async () => {
  await using server = await startTestServer();
  const admin = server.client({ name: "root", groups: ["system:masters"] });
  const ask = async (kind: string, body: object, namespace = ""): Promise<unknown> => {
    const place = namespace === "" ? "" : `/namespaces/${namespace}`;
    const path = `/apis/authorization.k8s.io/v1${place}/${kind.toLowerCase()}s`;
    try {
      const answer = await admin.transport.request({ method: "POST", path, body });
      return (answer.body as KubeObject & { status: unknown }).status;
    } catch (error) {
      assert.ok(error instanceof StatusError, String(error));
      return error.message;
    }
  };
  const node = { user: "system:node:n1", groups: ["system:nodes"] };
  const pods = (fieldSelector: object): object => ({
    spec: { ...node, resourceAttributes: { verb: "list", resource: "pods", fieldSelector } },
  });
  const own = { requirements: [{ key: "spec.nodeName", operator: "In", values: ["n1"] }] };
  assert.deepEqual(await ask("SubjectAccessReview", pods(own)), { allowed: true });
  assert.deepEqual(await ask("SubjectAccessReview", pods({ rawSelector: "spec.nodeName" })), {
    allowed: false,
    reason: "can only list/watch pods with spec.nodeName field selector",
    evaluationError: "spec.resourceAttributes.fieldSelector ignored due to parse error",
  });
  assert.equal(
    await ask("SubjectAccessReview", { spec: { nonResourceAttributes: { path: "/x", verb: "get" } } }),
    'SubjectAccessReview.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified',
  );
  assert.equal(
    await ask("SelfSubjectAccessReview", {
      metadata: { name: "a" },
      spec: { nonResourceAttributes: { path: "/x", verb: "get" } },
    }),
    'SelfSubjectAccessReview.authorization.k8s.io "" is invalid: metadata: Invalid value: {"name":"a"}: must be empty',
  );
  const local = {
    spec: { user: "jane", resourceAttributes: { verb: "get", resource: "pods", namespace: "b" } },
  };
  assert.equal(
    await ask("LocalSubjectAccessReview", local, "a"),
    'LocalSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "b": must match metadata.namespace',
  );
  assert.deepEqual(await ask("LocalSubjectAccessReview", local, "b"), { allowed: false });
  assert.deepEqual(
    await ask(
      "LocalSubjectAccessReview",
      { spec: { user: "jane", nonResourceAttributes: { path: "/x" } } },
      "b",
    ),
    'LocalSubjectAccessReview.authorization.k8s.io "" is invalid: spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":""}: disallowed on this kind of request',
  );
  assert.equal(
    await ask("SubjectAccessReview", {}),
    'SubjectAccessReview.authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]',
  );
  assert.equal(
    await ask("LocalSubjectAccessReview", { ...local, metadata: { namespace: "a" } }, "b"),
    "the namespace of the provided object does not match the namespace sent on the request",
  );
  assert.deepEqual(
    await ask("SubjectAccessReview", {
      metadata: { namespace: "a" },
      spec: { user: "jane", nonResourceAttributes: { path: "/x", verb: "get" } },
    }),
    { allowed: false },
  );
});
