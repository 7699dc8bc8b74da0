/** Questions to the authorizer. upstream: apiserver/pkg/cel/library/authz_test.go */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { cel, show } from "../testing/environment.ts";
import { objectType } from "../types.ts";
import { AuthorizerValue, PendingAnswer, type AuthorizerQuestion } from "./authorizer.ts";

const environment = cel.environment({
  variables: { authorizer: objectType("kubernetes.authorization.Authorizer") },
});

function ask(expression: string): {
  readonly value: string;
  readonly questions: readonly AuthorizerQuestion[];
} {
  const questions: AuthorizerQuestion[] = [];
  const authorizer = new AuthorizerValue((question) => {
    questions.push(question);
    return { allowed: question.verb === "get", reason: `because ${question.verb}`, error: "" };
  });
  return { value: show(environment.compile(expression).run(() => authorizer).value), questions };
}

const cases: readonly (readonly [expression: string, value: string, asked: Partial<AuthorizerQuestion>])[] = [
  ["authorizer.path('/healthz').check('get').allowed()", "true", { path: "/healthz", verb: "get" }],
  [
    "authorizer.group('apps').resource('deployments').check('create').allowed()",
    "false",
    { group: "apps", resource: "deployments", verb: "create" },
  ],
  [
    "authorizer.group('').resource('pods').subresource('status').namespace('n').name('p').check('get').reason()",
    '"because get"',
    { group: "", resource: "pods", subresource: "status", namespace: "n", name: "p" },
  ],
  [
    "authorizer.serviceAccount('ns', 'sa').group('').resource('pods').check('get').errored()",
    "false",
    { serviceAccount: { namespace: "ns", name: "sa" } },
  ],
  [
    "authorizer.group('').resource('pods').fieldSelector('a=b').labelSelector('c').check('list').error()",
    '""',
    { fieldSelector: "a=b", labelSelector: "c" },
  ],
];

suite("the authorizer is asked", () => {
  for (const [expression, value, asked] of cases) {
    test(expression, () => {
      const answer = ask(expression);
      assert.equal(answer.value, value);
      assert.partialDeepStrictEqual(answer.questions, [asked]);
    });
  }

  const refused: readonly (readonly [expression: string, fault: string])[] = [
    ["authorizer.path('').check('get').allowed()", "fault: path must not be empty"],
    ["authorizer.group('').resource(' ').check('get').allowed()", "fault: resource must not be empty"],
    [
      "authorizer.serviceAccount('a.b', 'c').path('/x').check('get').allowed()",
      "fault: Invalid service account namespace",
    ],
    [
      "authorizer.serviceAccount('a', '@').path('/x').check('get').allowed()",
      "fault: Invalid service account name",
    ],
  ];
  for (const [expression, fault] of refused) {
    test(expression, () => {
      assert.deepEqual(ask(expression), { value: fault, questions: [] });
    });
  }

  test("who must ask first, says so past every || and all()", () => {
    const authorizer = new AuthorizerValue((question) => {
      throw new PendingAnswer(question);
    });
    const program = environment.compile("[1].all(x, authorizer.path('/a').check('get').allowed()) || true");
    assert.throws(() => program.run(() => authorizer), PendingAnswer);
  });
});
