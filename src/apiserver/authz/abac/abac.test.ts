import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Attributes } from "../authorizer.ts";
import { AbacAuthorizer } from "./authorizer.ts";
import { parsePolicyFile } from "./policy-file.ts";
import { asked as list } from "../testing/asked.ts";

const policy = (spec: object): string =>
  JSON.stringify({ apiVersion: "abac.authorization.kubernetes.io/v1beta1", kind: "Policy", spec });

const authorizer = (...lines: readonly string[]): AbacAuthorizer =>
  new AbacAuthorizer(parsePolicyFile("/p", lines.join("\n")).policies);

const create: Attributes = { ...list, verb: "create" };
const metrics: Attributes = { ...list, verb: "get", isResourceRequest: false, path: "/metrics/slis" };
const nobody: Attributes = {
  ...list,
  user: { name: "system:anonymous", groups: ["system:unauthenticated"] },
};
const everything = { namespace: "*", resource: "*", apiGroup: "*" };

suite("a policy", () => {
  for (const [isAllowed, spec, asked] of [
    [true, { user: "jane", ...everything }, list],
    [false, { user: "joe", ...everything }, list],
    [true, { group: "devs", ...everything }, list],
    [false, { group: "ops", ...everything }, list],
    [false, { user: "jane", group: "ops", ...everything }, list],
    [false, everything, list],
    [true, { user: "*", ...everything }, list],
    [true, { user: "joe", group: "*", ...everything }, list],
    [false, { group: "*", ...everything }, nobody],
    [true, { user: "jane", ...everything, readonly: true }, list],
    [false, { user: "jane", ...everything, readonly: true }, create],
    [true, { user: "jane", namespace: "a", resource: "pods" }, create],
    [false, { user: "jane", namespace: "b", resource: "pods" }, create],
    [false, { user: "jane", namespace: "a", resource: "secrets" }, create],
    [false, { user: "jane", namespace: "a", resource: "pods", apiGroup: "apps" }, create],
    [false, { user: "jane", ...everything }, metrics],
    [true, { user: "jane", nonResourcePath: "*" }, metrics],
    [true, { user: "jane", nonResourcePath: "/metrics/slis" }, metrics],
    [true, { user: "jane", nonResourcePath: "/metrics/*" }, metrics],
    [false, { user: "jane", nonResourcePath: "/metrics" }, metrics],
    [false, { user: "jane", nonResourcePath: "*" }, list],
  ] as const) {
    const what = asked.isResourceRequest ? asked.resource : asked.path;
    test(`${JSON.stringify(spec)} ${isAllowed ? "allows" : "leaves"} ${asked.user.name} to ${asked.verb} ${what}`, () => {
      assert.deepEqual(authorizer(policy(spec)).authorize(asked), {
        allowed: isAllowed,
        denied: false,
        reason: isAllowed ? "" : "No policy matched.",
      });
    });
  }

  test("in the oldest form holds for all that it doesn't name, and for who says who he is", () => {
    for (const line of [
      "{}",
      '{"user": "*"}',
      '{"apiVersion": "abac.authorization.kubernetes.io/v0", "kind": "Policy"}',
    ]) {
      const all = authorizer(line);
      assert.deepEqual(
        [list, create, metrics, nobody].map((asked) => all.authorize(asked).allowed),
        [true, true, true, false],
      );
    }
    const pods = authorizer('{"user": "jane", "resource": "pods", "readonly": true}');
    assert.deepEqual(
      [list, { ...list, group: "x" }, create, metrics].map((asked) => pods.authorize(asked).allowed),
      [true, true, false, false],
    );
  });

  test("is one of the rules of whom it is about", async () => {
    const rules = await authorizer(
      policy({ user: "jane", namespace: "a", resource: "pods", readonly: true }),
      policy({ group: "devs", namespace: "*", nonResourcePath: "/metrics" }),
      policy({ user: "jane", namespace: "b", resource: "secrets" }),
      policy({ user: "joe", ...everything }),
    ).rulesFor(list.user, "a");
    assert.deepEqual(rules, {
      resourceRules: [{ verbs: ["get", "list", "watch"], apiGroups: [""], resources: ["pods"] }],
      nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["/metrics"] }],
      incomplete: false,
    });
  });
});

suite("a policy file", () => {
  test("has comments, empty lines and lines without a version", () => {
    const file = parsePolicyFile("/p", `# all of it\n\n  ${policy({ user: "jane" })}\r\n{"user": "joe"}\n`);
    assert.deepEqual([file.policies.length, file.unversionedCount], [2, 1]);
  });

  for (const [line, reason] of [
    ["[]", "the line must be an object"],
    ['{"user": 1}', "user must be a string"],
    ['{"readonly": "yes"}', "readonly must be true or false"],
    [policy([]), "spec must be an object"],
    ['{"apiVersion": "v1", "kind": "Pod"}', 'no kind "Pod" is registered for version "v1"'],
  ] as const) {
    test(`is refused: ${line}`, () => {
      assert.throws(() => parsePolicyFile("/p", `#\n${line}\n`), {
        name: "PolicyFileError",
        message: `error reading policy file /p, line 2: ${line}: ${reason}`,
      });
    });
  }

  test("is refused where it is no JSON", () => {
    assert.throws(
      () => parsePolicyFile("/p", "{"),
      /^PolicyFileError: error reading policy file \/p, line 1: \{: /,
    );
  });
});
