import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { decide, parseAuditPolicy } from "./policy.ts";

const policyOf = (rules: unknown): ReturnType<typeof parseAuditPolicy> =>
  parseAuditPolicy("f", JSON.stringify({ apiVersion: "audit.k8s.io/v1", kind: "Policy", rules }));

const infoOf = (method: string, path: string): ReturnType<typeof parseRequestInfo> =>
  parseRequestInfo(method, path, new URLSearchParams());
const jane = { name: "jane", groups: ["dev", "system:authenticated"] };

suite("the first rule that fits decides", () => {
  const pods = "/api/v1/namespaces/a/pods";
  const cases: readonly [what: string, rule: object, method: string, path: string, fits: boolean][] = [
    ["no condition", {}, "GET", pods, true],
    ["the user", { users: ["jane"] }, "GET", pods, true],
    ["another user", { users: ["joe"] }, "GET", pods, false],
    ["a group", { userGroups: ["ops", "dev"] }, "GET", pods, true],
    ["the verb", { verbs: ["list"] }, "GET", pods, true],
    ["another verb", { verbs: ["get"] }, "GET", pods, false],
    ["the namespace", { namespaces: ["a"] }, "GET", pods, true],
    ["another namespace", { namespaces: ["b"] }, "GET", pods, false],
    ["a namespace outside of resources", { namespaces: ["a"] }, "GET", "/version", false],
    ["the group alone", { resources: [{ group: "" }] }, "GET", pods, true],
    ["another group", { resources: [{ group: "apps" }] }, "GET", pods, false],
    ["the resource", { resources: [{ resources: ["pods"] }] }, "GET", `${pods}/x`, true],
    [
      "a subresource isn't the resource",
      { resources: [{ resources: ["pods"] }] },
      "GET",
      `${pods}/x/log`,
      false,
    ],
    ["the subresource", { resources: [{ resources: ["pods/log"] }] }, "GET", `${pods}/x/log`, true],
    ["every subresource", { resources: [{ resources: ["pods/*"] }] }, "GET", `${pods}/x/log`, true],
    ["the resource itself, too", { resources: [{ resources: ["pods/*"] }] }, "GET", pods, true],
    ["a subresource of anything", { resources: [{ resources: ["*/log"] }] }, "GET", `${pods}/x/log`, true],
    ["a name", { resources: [{ resources: ["pods"], resourceNames: ["x"] }] }, "GET", `${pods}/x`, true],
    [
      "another name",
      { resources: [{ resources: ["pods"], resourceNames: ["y"] }] },
      "GET",
      `${pods}/x`,
      false,
    ],
    ["a path", { nonResourceURLs: ["/version"] }, "GET", "/version", true],
    ["paths below", { nonResourceURLs: ["/healthz*"] }, "GET", "/healthz/ping", true],
    ["a path for a resource", { nonResourceURLs: ["*"] }, "GET", pods, false],
  ];
  for (const [what, rule, method, path, fits] of cases) {
    test(what, () => {
      const { level } = decide(policyOf([{ level: "Metadata", ...rule }]), infoOf(method, path), jane);
      assert.equal(level, fits ? "Metadata" : "None");
    });
  }

  test("None hides what later rules would tell", () => {
    const policy = policyOf([{ level: "None", users: ["jane"] }, { level: "Request" }]);
    assert.equal(decide(policy, infoOf("GET", pods), jane).level, "None");
  });
});

suite("a policy's faults", () => {
  const cases: readonly [rules: unknown, fault: RegExp][] = [
    [[], /rules: Required value/],
    [[{ level: "Loud" }], /rules\[0\].level: Unsupported value: "Loud"/],
    [
      [{ level: "None", omitStages: ["x"] }],
      /rules\[0\].omitStages\[0\]: Invalid value: "x": allowed stages are/,
    ],
    [
      [{ level: "None", nonResourceURLs: ["/x"], namespaces: ["a"] }],
      /rules cannot apply to both regular resources and non-resource URLs/,
    ],
    [[{ level: "None", nonResourceURLs: ["x"] }], /must begin with a '\/' character/],
    [[{ level: "None", nonResourceURLs: ["/a*b"] }], /'\*' must be the final character of the rule/],
    [[{ level: "None", resources: [{ group: "apps/v1" }] }], /must be the name of a group/],
    [[{ level: "None", resources: [{ resourceNames: ["a"] }] }], /requires at least one resource/],
  ];
  for (const [rules, fault] of cases) {
    test(fault.source, () => {
      assert.throws(() => policyOf(rules), fault);
    });
  }
  test("another kind", () => {
    assert.throws(() => parseAuditPolicy("f", "kind: Pod"), /f: is Pod of undefined, must be Policy/);
  });
});
