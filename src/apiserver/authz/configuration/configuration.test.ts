import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { shownHash } from "#apiserver/metrics/server-identity.ts";
import { createExpressions, type Expressions } from "#api/expressions.ts";
import { ManualClock } from "#base/clock.ts";
import { silentLogger, type LogFields } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { Attributes, Authorizer } from "../authorizer.ts";
import { ConfiguredAuthorizer } from "../configured.ts";
import { matcherOf } from "../webhook/conditions.ts";
import { reviewSpec } from "../webhook/review.ts";
import { asked } from "../testing/asked.ts";

const expressions = createExpressions();
const loadExpressions = (): Promise<Expressions> => Promise.resolve(expressions);

const saying = (reason: string): Authorizer => ({
  authorize: () => ({ allowed: false, denied: false, reason }),
  rulesFor: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
});

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
    const basis = { clock: new ManualClock(), random: new SeededRandom(1), log };
    const deps = { ...basis, loadExpressions, registry, serverId: "apiserver-test" };
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
        'authorizers[0].type: Unsupported value: "ABC": supported values: "ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"',
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
      "names of their own",
      () => configuration({ type: "RBAC", name: "a" }, { type: "Node", name: "node" }),
      ["expected name rbac for authorizer RBAC instead of a"],
    ],
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
          webhook: webhook(kubeconfig, { timeout: "90s", authorizedTTL: "-1s", failurePolicy: "Ignore" }),
        }),
      [
        'authorizers[0].timeout: Invalid value: "1m30s": must be > 0s and <= 30s',
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
    await using followed = await Followed.start(folder, { type: "RBAC", name: "rbac" });
    const rbac = { type: "RBAC", name: "rbac" };
    const deny = { type: "AlwaysDeny", name: "alwaysdeny" };
    const forbidden = "Everything is forbidden.";
    assert.deepEqual(await followed.next(configuration(deny, rbac)), said(`${forbidden}\nrbac`));
    assert.deepEqual(await followed.next("{"), said(`${forbidden}\nrbac`));
    assert.deepEqual(await followed.next(configuration(rbac, deny)), said(`rbac\n${forbidden}`));
    const metrics = await metricsText(followed.registry);
    const name = "apiserver_authorization_config_controller";
    const server = `apiserver_id_hash="${shownHash("apiserver-test")}"`;
    assert.match(metrics, new RegExp(`^${name}_automatic_reloads_total{${server},status="success"} 2$`, "m"));
    assert.match(metrics, new RegExp(`^${name}_automatic_reloads_total{${server},status="failure"} 1$`, "m"));
    assert.match(
      metrics,
      new RegExp(`^${name}_last_config_info{${server},hash="sha256:[0-9a-f]{64}"} 1$`, "m"),
    );
  });

  for (const [name, first, then, fault] of [
    ["drops RBAC and Node", ["RBAC", "Node"], ["AlwaysAllow"], "missing required types: [Node RBAC]"],
    ["drops AlwaysDeny", ["Node", "AlwaysDeny"], ["Node"], "missing required types: [AlwaysDeny]"],
    [
      "wants RBAC only now",
      ["Node"],
      ["Node", "RBAC"],
      "authorizer type RBAC is not allowed if it was not enabled at initial server startup",
    ],
  ] as const) {
    test(`one that ${name} is not taken`, async () => {
      using folder = new Folder();
      await using followed = await Followed.start(folder, ...specs(first));
      const before = await followed.authorizer.authorize(asked);
      assert.deepEqual(await followed.next(configuration(...specs(then))), before);
      assert.equal(
        followed.failure,
        `failed to load AuthorizationConfiguration from file ${JSON.stringify(folder.file)}: ${fault}`,
      );
    });
  }
});

const specs = (types: readonly string[]): readonly object[] =>
  types.map((type) => ({ type, name: type.toLowerCase() }));

/** An authorizer that follows its file. */
class Followed implements AsyncDisposable {
  readonly registry = new Registry();
  readonly authorizer: ConfiguredAuthorizer;
  failure: unknown;
  readonly #folder: Folder;
  #wake: () => void = () => undefined;
  #stop: () => void = () => undefined;

  private constructor(folder: Folder) {
    this.#folder = folder;
    const log = {
      ...silentLogger,
      info: (): void => {
        this.#wake();
      },
      error: (_text: string, fields?: LogFields): void => {
        this.failure = fields?.["reason"];
        this.#wake();
      },
    };
    this.authorizer = folder.authorizer(log, this.registry);
  }

  static async start(folder: Folder, ...authorizers: readonly object[]): Promise<Followed> {
    const followed = new Followed(folder);
    folder.write(configuration(...authorizers));
    followed.#stop = await followed.authorizer.load();
    return followed;
  }

  /** What it says once it has seen the new content. */
  async next(content: unknown): Promise<unknown> {
    const woken = new Promise<void>((done) => {
      this.#wake = done;
    });
    this.#folder.write(content);
    await woken;
    return this.authorizer.authorize(asked);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    return Promise.resolve();
  }
}

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
