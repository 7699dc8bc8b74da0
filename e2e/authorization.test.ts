/** Other servers that say whether a request is allowed, with the real kubectl. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { PlainServer } from "./plain-server.ts";
import { eventually } from "./wait.ts";

interface Review {
  readonly apiVersion: string;
  readonly spec: {
    readonly user: string;
    readonly groups?: readonly string[];
    readonly resourceAttributes?: Readonly<Record<string, unknown>>;
  };
}

type Judge = (review: Review) => Readonly<Record<string, unknown>> | undefined;

/** A server that judges; without a judgement it fails. */
class JudgingServer implements AsyncDisposable {
  readonly asked: Review[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), "mini-k8s-authz-"));
  judge: Judge = () => ({ allowed: false });
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void json(request).then((body) => {
        const review = body as Review;
        this.asked.push(review);
        const status = this.judge(review);
        response.writeHead(status === undefined ? 503 : 200, { "content-type": "application/json" });
        response.end(JSON.stringify({ ...review, status }));
      });
    });
  }

  static async start(): Promise<JudgingServer> {
    const judging = new JudgingServer();
    await new Promise<void>((done) => {
      judging.#server.listen(0, "127.0.0.1", done);
    });
    return judging;
  }

  /** A kubeconfig that leads to it. */
  kubeconfig(): string {
    const server = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/judge`;
    const path = this.file("webhook.yaml", {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "judge", cluster: { server } }],
      users: [{ name: "apiserver", user: { token: "secret" } }],
      contexts: [{ name: "judge", context: { cluster: "judge", user: "apiserver" } }],
      "current-context": "judge",
    });
    return path;
  }

  file(name: string, content: unknown): string {
    const path = join(this.directory, name);
    writeFileSync(path, JSON.stringify(content));
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
    rmSync(this.directory, { recursive: true });
  }
}

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
  assert.match(await server.fails(as("broken", "get", "pods")), /\(InternalError\).*unexpected status 503/s);

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
