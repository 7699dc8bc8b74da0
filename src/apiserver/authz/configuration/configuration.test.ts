import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import { createExpressions, type Expressions } from "#api/expressions.ts";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { Attributes, Authorizer } from "../authorizer.ts";
import { ConfiguredAuthorizer } from "../configured.ts";
import { matcherOf } from "../webhook/conditions.ts";
import { reviewSpec } from "../webhook/review.ts";

const expressions = createExpressions();
const loadExpressions = (): Promise<Expressions> => Promise.resolve(expressions);

const saying = (reason: string): Authorizer => ({
  authorize: () => ({ allowed: false, denied: false, reason }),
  rulesFor: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
});

const asked: Attributes = {
  user: { name: "jane", groups: ["devs"] },
  verb: "list",
  isResourceRequest: true,
  path: "",
  group: "",
  version: "v1",
  resource: "pods",
  subresource: "",
  namespace: "a",
  name: "",
};

/** A folder with a configuration, gone with the test. */
class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "mini-k8s-authz-"));
  readonly file = join(this.path, "config.yaml");
  readonly kubeconfig = join(this.path, "kubeconfig");

  constructor() {
    const config = {
      clusters: [{ name: "c", cluster: { server: "http://127.0.0.1:1" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    writeFileSync(this.kubeconfig, JSON.stringify(config));
  }

  write(content: unknown): void {
    // In one step: whoever follows the file never sees half of it.
    writeFileSync(`${this.file}.new`, typeof content === "string" ? content : JSON.stringify(content));
    renameSync(`${this.file}.new`, this.file);
  }

  authorizer(log = silentLogger, registry = new Registry()): ConfiguredAuthorizer {
    const deps = { clock: new ManualClock(), random: new SeededRandom(1), log, loadExpressions, registry };
    return new ConfiguredAuthorizer(
      { configFile: this.file },
      { ...deps, node: saying("node"), rbac: saying("rbac") },
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

const configuration = (...authorizers: readonly unknown[]): unknown => ({
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "AuthorizationConfiguration",
  authorizers,
});

const webhook = (kubeConfigFile: string, more: object = {}): object => ({
  timeout: "3s",
  subjectAccessReviewVersion: "v1",
  failurePolicy: "Deny",
  connectionInfo: { type: "KubeConfigFile", kubeConfigFile },
  ...more,
});

const said = (reason: string): unknown => ({ allowed: false, denied: false, reason });

suite("an AuthorizationConfiguration", () => {
  const cases: readonly (readonly [string, (folder: Folder) => unknown, readonly string[]])[] = [
    [
      "nobody",
      () => configuration(),
      ["authorizers: Required value: at least one authorization mode must be defined"],
    ],
    [
      "unknown types",
      () => configuration({ type: "ABC", name: "a" }, { name: "b" }),
      [
        'authorizers[0].type: Unsupported value: "ABC": supported values: "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"',
        "authorizers[1].type: Required value",
      ],
    ],
    [
      "names and types twice",
      () =>
        configuration({ type: "RBAC", name: "a" }, { type: "RBAC", name: "b" }, { type: "Node", name: "a" }),
      ['authorizers[1].type: Duplicate value: "RBAC"', 'authorizers[2].name: Duplicate value: "a"'],
    ],
    ["no name", () => configuration({ type: "RBAC" }), ["authorizers[0].name: Required value"]],
    [
      "a webhook that isn't one",
      () => configuration({ type: "Webhook", name: "a" }, { type: "RBAC", name: "b", webhook: {} }),
      [
        "authorizers[0].webhook: Required value: required when type=Webhook",
        'authorizers[1].webhook: Invalid value: "non-null": may only be specified when type=Webhook',
      ],
    ],
    [
      "an empty webhook",
      () => configuration({ type: "Webhook", name: "a", webhook: {} }),
      [
        "authorizers[0].timeout: Required value",
        "authorizers[0].subjectAccessReviewVersion: Required value",
        "authorizers[0].failurePolicy: Required value",
        "authorizers[0].connectionInfo.type: Required value",
      ],
    ],
    [
      "wrong values",
      ({ kubeconfig }) =>
        configuration({
          type: "Webhook",
          name: "a",
          webhook: webhook(kubeconfig, { timeout: "31s", authorizedTTL: "-1s", failurePolicy: "Ignore" }),
        }),
      [
        'authorizers[0].timeout: Invalid value: "31s": must be > 0s and <= 30s',
        'authorizers[0].authorizedTTL: Invalid value: "-1s": must be > 0s',
        'authorizers[0].failurePolicy: Unsupported value: "Ignore": supported values: "NoOpinion", "Deny"',
      ],
    ],
    [
      "a kubeconfig that isn't there",
      () => configuration({ type: "Webhook", name: "a", webhook: webhook("/no/such") }),
      [
        "authorizers[0].connectionInfo.kubeConfigFile: Invalid value: \"/no/such\": error loading file: ENOENT: no such file or directory, stat '/no/such'",
      ],
    ],
    [
      "conditions",
      ({ kubeconfig }) =>
        configuration({
          type: "Webhook",
          name: "a",
          webhook: webhook(kubeconfig, {
            matchConditions: [
              { expression: " " },
              { expression: "1" },
              { expression: "true" },
              { expression: "true" },
            ],
          }),
        }),
      [
        "authorizers[0].matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified",
        "authorizers[0].matchConditions[0].expression: Required value",
        'authorizers[0].matchConditions[1].expression: Invalid value: "1": must evaluate to bool but got int',
        'authorizers[0].matchConditions[3].expression: Duplicate value: "true"',
      ],
    ],
    [
      "unknown and misshapen fields",
      () => configuration({ type: "RBAC", name: "a", foo: 1, webhook: { timeout: "3" } }),
      [
        'strict decoding error: unknown field "authorizers[0].foo"',
        'authorizers[0].webhook.timeout: time: missing unit in duration "3"',
      ],
    ],
    [
      "another kind",
      () => ({ apiVersion: "v1", kind: "Pod" }),
      [
        "is Pod of v1, must be AuthorizationConfiguration of apiserver.config.k8s.io/v1, apiserver.config.k8s.io/v1beta1, apiserver.config.k8s.io/v1alpha1",
      ],
    ],
  ];
  for (const [name, content, faults] of cases) {
    test(`is refused: ${name}`, async () => {
      using folder = new Folder();
      folder.write(content(folder));
      const told = faults.length === 1 ? (faults[0] ?? "") : `[${faults.join(", ")}]`;
      await assert.rejects(folder.authorizer().load(), {
        name: "ConfigurationError",
        message: `failed to load AuthorizationConfiguration from file ${JSON.stringify(folder.file)}: ${told}`,
      });
    });
  }

  test("is read again when it changes; one that can't be used changes nothing", async () => {
    using folder = new Folder();
    const told: { wake: () => void } = { wake: () => undefined };
    const wake = (): void => {
      told.wake();
    };
    const log = { ...silentLogger, info: wake, error: wake };
    const registry = new Registry();
    const authorizer = folder.authorizer(log, registry);
    folder.write(configuration({ type: "RBAC", name: "a" }));
    const stop = await authorizer.load();
    try {
      const next = async (content: unknown): Promise<unknown> => {
        const woken = new Promise<void>((done) => {
          told.wake = done;
        });
        folder.write(content);
        await woken;
        return authorizer.authorize(asked);
      };
      assert.deepEqual(await next(configuration({ type: "Node", name: "a" })), said("node"));
      assert.deepEqual(await next("{"), said("node"));
      assert.deepEqual(await next(configuration({ type: "RBAC", name: "a" })), said("rbac"));
      const metrics = await registry.metrics();
      const name = "apiserver_authorization_config_controller";
      assert.match(metrics, new RegExp(`^${name}_automatic_reloads_total{status="success"} 2$`, "m"));
      assert.match(metrics, new RegExp(`^${name}_automatic_reloads_total{status="failure"} 1$`, "m"));
      assert.match(metrics, new RegExp(`^${name}_last_config_info{hash="sha256:[0-9a-f]{64}"} 1$`, "m"));
    } finally {
      stop();
    }
  });
});

const matches = (more: Partial<Attributes>, ...conditions: readonly string[]): boolean | string => {
  const compiled = conditions.map((text) => {
    const result = expressions.compileConfigExpression(expressions.cel, text, {
      variable: "request",
      result: "bool",
    });
    if (typeof result === "string") throw new Error(result);
    return result;
  });
  return matcherOf(compiled, expressions)(reviewSpec({ ...asked, ...more }));
};

suite("conditions of a webhook", () => {
  for (const [want, condition, more] of [
    [true, "request.user == 'jane' && 'devs' in request.groups", {}],
    [true, "has(request.resourceAttributes) && request.resourceAttributes.namespace == 'a'", {}],
    [false, "has(request.resourceAttributes)", { isResourceRequest: false, path: "/x" }],
    [true, "request.nonResourceAttributes.path == '/x'", { isResourceRequest: false, path: "/x" }],
    [true, "request.resourceAttributes.subresource == '' && request.uid == ''", {}],
    [
      true,
      "request.resourceAttributes.fieldSelector.requirements.exists(r, r.key == 'spec.nodeName' && r.values == ['n'])",
      { fieldSelector: "spec.nodeName=n" },
    ],
    [false, "has(request.resourceAttributes.labelSelector)", {}],
    [
      true,
      "request.resourceAttributes.labelSelector.requirements[0].operator == 'In'",
      { labelSelector: "a=b" },
    ],
  ] as const) {
    test(`${condition} is ${String(want)}`, () => {
      assert.equal(matches(more, condition), want);
    });
  }

  test("one that says no counts before one that can't be told", () => {
    const broken = "request.nonResourceAttributes.path == '/x'";
    assert.equal(
      matches({}, broken),
      `cel evaluation error: expression '${broken}' resulted in error: no such key: nonResourceAttributes`,
    );
    assert.equal(matches({}, broken, "request.user == 'joe'"), false);
  });
});
