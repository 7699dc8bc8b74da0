/** Other servers that say whether a request is allowed, with the real kubectl. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { JudgingServer } from "./judging-server.ts";
import { PlainServer } from "./plain-server.ts";
import { eventually } from "./wait.ts";

test("a webhook after RBAC: allowed, not allowed, denied, out of order", { timeout: 60_000 }, async () => {
  await using judging = await JudgingServer.start();
  await using server = await PlainServer.start([
    "--authorization-mode=Node,RBAC,Webhook",
    `--authorization-webhook-config-file=${judging.kubeconfig()}`,
    "--authorization-webhook-version=v1",
    "--authorization-webhook-cache-unauthorized-ttl=1ms",
  ]);
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  const as = (user: string, ...args: string[]): Promise<string> => kubectl(...args, `--as=${user}`);
  judging.judge = ({ spec }) => {
    if (spec.user === "broken") return undefined;
    if (spec.user === "mallory") return { allowed: false, denied: true, reason: "not you" };
    return { allowed: spec.user === "jane", reason: spec.user === "jane" ? "it is Jane" : "unknown" };
  };
  assert.match(await as("jane", "get", "namespaces", "-l", "a=b,c!=d"), /^$/);
  const review = judging.asked.find(({ spec }) => spec.resourceAttributes?.["resource"] === "namespaces");
  assert.equal(review?.apiVersion, "authorization.k8s.io/v1");
  assert.deepEqual(review.spec, {
    resourceAttributes: {
      verb: "list",
      version: "v1",
      resource: "namespaces",
      labelSelector: {
        requirements: [
          { key: "a", operator: "In", values: ["b"] },
          { key: "c", operator: "NotIn", values: ["d"] },
        ],
      },
    },
    user: "jane",
    groups: ["system:authenticated"],
  });
  const before = judging.asked.length;
  await as("jane", "get", "namespaces", "-l", "a=b,c!=d");
  assert.equal(judging.asked.length, before);

  assert.match(
    await server.fails(as("joe", "get", "pods")),
    /User "joe" cannot list resource "pods" in API group "" in the namespace "default": unknown/,
  );
  assert.match(await server.fails(as("mallory", "get", "pods")), /: not you/);
  assert.match(
    await server.fails(as("broken", "get", "pods")),
    /\(InternalError\).*the server is currently unable to handle the request/s,
  );

  const asked = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      user: "jane",
      resourceAttributes: {
        verb: "list",
        resource: "pods",
        fieldSelector: { requirements: [{ key: "spec.nodeName", operator: "In", values: ["n"] }] },
        labelSelector: { requirements: [{ key: "a", operator: "Unheard" }] },
      },
    },
  };
  const create = ["create", "-f", "-", "-o", "jsonpath={.status}"];
  const answer = JSON.parse(await server.kubectl("1.35", create, JSON.stringify(asked))) as unknown;
  assert.deepEqual(answer, {
    allowed: true,
    reason: "it is Jane",
    evaluationError: "spec.resourceAttributes.labelSelector ignored due to parse error",
  });
  assert.deepEqual(judging.asked.at(-1)?.spec.resourceAttributes?.["fieldSelector"], {
    requirements: [{ key: "spec.nodeName", operator: "In", values: ["n"] }],
  });

  assert.match(await as("jane", "auth", "can-i", "delete", "nodes"), /^yes/);
  assert.match(await as("jane", "auth", "can-i", "--list"), /selfsubjectreviews/);
  // The administrator needs nobody's judgement, nor does who has a role.
  judging.judge = () => undefined;
  await kubectl("create", "clusterrolebinding", "broken", "--clusterrole=view", "--user=broken");
  assert.match(await as("broken", "get", "namespaces"), /default/);
});

test("AlwaysAllow lets everybody in", { timeout: 60_000 }, async () => {
  await using server = await PlainServer.start(["--authorization-mode=AlwaysAllow"]);
  assert.match(await server.kubectl("1.35", ["get", "secrets", "-A", "--as=nobody"]), /^$|NAMESPACE/);
});

test("ABAC after RBAC: the policies of a file", { timeout: 60_000 }, async () => {
  await using judging = await JudgingServer.start();
  const spec = { user: "jane", namespace: "default", resource: "configmaps", apiGroup: "" };
  const policy = { apiVersion: "abac.authorization.kubernetes.io/v1beta1", kind: "Policy", spec };
  const path = judging.file("policies.jsonl", `# who may do what\n\n${JSON.stringify(policy)}\n`);
  const flags = ["--authorization-mode=Node,RBAC,ABAC", `--authorization-policy-file=${path}`];
  await using server = await PlainServer.start(flags);
  const jane = (...args: string[]): Promise<string> => server.kubectl("1.35", [...args, "--as=jane"]);
  await jane("create", "configmap", "a", "--from-literal=b=c");
  assert.match(await jane("auth", "can-i", "--list"), /^configmaps +\[\] +\[\] +\[\*\]$/m);
  assert.match(
    await server.fails(jane("get", "secrets")),
    /User "jane" cannot list resource "secrets" in API group "" in the namespace "default": No policy matched\./,
  );
});

test("a policy file that can't be used names its line", { timeout: 60_000 }, async () => {
  await using judging = await JudgingServer.start();
  const path = judging.file("policies.jsonl", '{"user": "jane"}\n{"user": 1}\n');
  await assert.rejects(
    PlainServer.start(["--authorization-mode=ABAC", `--authorization-policy-file=${path}`]),
    /error reading policy file .*policies\.jsonl, line 2: \{\\*"user\\*": 1\}: user must be a string/,
  );
});

test(
  "an AuthorizationConfiguration: conditions in CEL, denied on failure, followed",
  { timeout: 90_000 },
  async () => {
    await using judging = await JudgingServer.start();
    const kubeConfigFile = judging.kubeconfig();
    const configuration = (expression: string): unknown => ({
      apiVersion: "apiserver.config.k8s.io/v1",
      kind: "AuthorizationConfiguration",
      authorizers: [
        {
          type: "Webhook",
          name: "judge",
          webhook: {
            timeout: "3s",
            subjectAccessReviewVersion: "v1",
            matchConditionSubjectAccessReviewVersion: "v1",
            failurePolicy: "Deny",
            cacheUnauthorizedRequests: false,
            connectionInfo: { type: "KubeConfigFile", kubeConfigFile },
            matchConditions: [{ expression: "request.user.startsWith('tenant:')" }, { expression }],
          },
        },
        { type: "Node", name: "node" },
        { type: "RBAC", name: "rbac" },
      ],
    });
    const path = judging.file("authorization.yaml", configuration("has(request.resourceAttributes)"));
    await using server = await PlainServer.start([`--authorization-config=${path}`]);
    const as = (user: string, ...args: string[]): Promise<string> =>
      server.kubectl("1.35", [...args, `--as=${user}`]);
    judging.judge = ({ spec }) => (spec.user === "tenant:b" ? undefined : { allowed: true });
    assert.match(await as("tenant:a", "get", "namespaces"), /default/);
    assert.match(await server.fails(as("joe", "get", "namespaces")), /Forbidden/);
    // Its failure is final, though a role would allow it.
    await server.kubectl("1.35", [
      "create",
      "clusterrolebinding",
      "b",
      "--clusterrole=view",
      "--user=tenant:b",
    ]);
    assert.match(await server.fails(as("tenant:b", "get", "namespaces")), /\(InternalError\)/);
    judging.file("authorization.yaml", configuration("request.resourceAttributes.resource != 'namespaces'"));
    await eventually("the new configuration counts", 20_000, async () => {
      const found = await server.tries("kubectl-1.35", ["get", "namespaces", "--as=tenant:b"]);
      return found.code === 0;
    });
    assert.match(await server.fails(as("tenant:a", "get", "namespaces")), /Forbidden/);
    assert.match(await server.fails(as("tenant:b", "get", "pods")), /\(InternalError\)/);
  },
);

test("a server with a configuration that can't be used says why", { timeout: 60_000 }, async () => {
  await using judging = await JudgingServer.start();
  const path = judging.file("bad.yaml", {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AuthorizationConfiguration",
    authorizers: [{ type: "Webhook", name: "x" }],
  });
  await assert.rejects(
    PlainServer.start([`--authorization-config=${path}`]),
    /authorizers\[0\]\.webhook: Required value: required when type=Webhook/,
  );
});
