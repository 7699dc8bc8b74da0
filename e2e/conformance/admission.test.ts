/** What upstream's conformance demands of webhooks. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { HookServer } from "#apiserver/admission/testing/hook-server.ts";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, type Answer, type Json } from "./api-client.ts";
import { define, definition, definitions, object, openObject, waitMs } from "./definitions.ts";
import { startHooks } from "./hooks.ts";

const admission = "/apis/admissionregistration.k8s.io/v1";

let server: BareServer;
let api: ApiClient;
let hooks: HookServer;

interface Rule {
  readonly path: string;
  readonly resources: readonly string[];
  readonly operations?: readonly string[];
  readonly more?: Json;
}

const everywhere = { apiGroups: ["*"], apiVersions: ["*"] };

const webhook = ({ path, resources, operations = ["CREATE"], more = {} }: Rule, name: string): Json => ({
  name,
  clientConfig: { url: `https://127.0.0.1:${hooks.port}${path}`, caBundle: hooks.caBundle },
  rules: [{ ...everywhere, operations, resources }],
  admissionReviewVersions: ["v1", "v1beta1"],
  sideEffects: "None",
  ...more,
});

type HookKind = "validating" | "mutating";
const configurationsOf = (kind: HookKind): string => `${admission}/${kind}webhookconfigurations`;

const others = { objectSelector: { matchExpressions: [{ key: "marker", operator: "DoesNotExist" }] } };

/** The webhooks, and one more that tells by a configmap with the label `marker` when all of them count. */
const configuration = (kind: HookKind, name: string, rules: readonly Rule[]): Json => {
  const path = kind === "validating" ? "/always-deny" : "/add-label";
  const objectSelector = { matchLabels: { marker: name } };
  const marker = { path, resources: ["configmaps"], more: { objectSelector } };
  const own = rules.map((rule) => ({ ...rule, more: { ...others, ...rule.more } }));
  return {
    metadata: { name },
    webhooks: [...own, marker].map((rule, index) => webhook(rule, `hook-${index}.${name}.example.com`)),
  };
};

async function counts(kind: HookKind, name: string): Promise<void> {
  const body = { metadata: { name: "marker", labels: { marker: name } } };
  await eventually(`${name} counts`, waitMs, async () => {
    const answer = await api.call("POST", "/api/v1/namespaces/default/configmaps?dryRun=All", { body });
    return kind === "validating"
      ? answer.code === 400
      : at(answer.body, "metadata.labels.added-label") === "yes";
  });
}

/** Counts when it resolves, and is deleted with what it resolves to. */
async function install(kind: HookKind, name: string, ...rules: readonly Rule[]): Promise<AsyncDisposable> {
  await api.create(configurationsOf(kind), configuration(kind, name, rules));
  await counts(kind, name);
  return {
    [Symbol.asyncDispose]: async () => {
      await api.must("DELETE", `${configurationsOf(kind)}/${name}`);
    },
  };
}

const configMaps = "/api/v1/namespaces/default/configmaps";
const named = (name: string, more: Json = {}): Json => ({ metadata: { name }, ...more });
const disallowed = { data: { "webhook-e2e-test": "webhook-disallow" } };

async function isDenied(asked: Promise<Answer>, said: RegExp): Promise<void> {
  const { code, text } = await asked;
  assert.ok(code >= 400, "it passed");
  assert.match(text, said);
}

const merge = (path: string, body: Json): Promise<Answer> =>
  api.call("PATCH", path, { body, type: "application/merge-patch+json" });

const podOf = (name: string, container: string, labels: Json = {}): Json => ({
  metadata: { name, labels },
  spec: { containers: [{ name: container, image: "busybox" }] },
});

function judging(): void {
  test("pods and configmaps are denied, one that hangs isn't made, and a namespace bypasses", async () => {
    const bypass = {
      namespaceSelector: {
        matchExpressions: [{ key: "skip-webhook-admission", operator: "NotIn", values: ["yes"] }],
      },
    };
    await using _ = await install(
      "validating",
      "deny",
      { path: "/hang", resources: ["pods"], more: { timeoutSeconds: 1 } },
      { path: "/configmaps", resources: ["configmaps"], operations: ["CREATE", "UPDATE"], more: bypass },
      { path: "/nowhere", resources: ["configmaps"], more: { ...bypass, ...unreachable("Ignore") } },
    );
    const pods = "/api/v1/namespaces/default/pods";
    const label = { "webhook-e2e-test": "webhook-disallow" };
    const refused = await api.call("POST", pods, { body: podOf("bad", "webhook-disallow", label) });
    assert.match(refused.text, /the pod contains unwanted container name/);
    assert.match(refused.text, /the pod contains unwanted label/);
    const hanging = podOf("hangs", "wait-forever", { "webhook-e2e-test": "wait-forever" });
    await isDenied(api.call("POST", pods, { body: hanging }), /webhook.*deadline/);
    assert.equal((await api.call("GET", `${pods}/hangs`)).code, 404);
    const unwanted = /the configmap contains unwanted data/;
    await isDenied(api.call("POST", configMaps, { body: named("bad", disallowed) }), unwanted);
    const made = await api.create(configMaps, named("good", { data: { admit: "this" } }));
    await isDenied(api.call("PUT", `${configMaps}/good`, { body: { ...made, ...disallowed } }), unwanted);
    await isDenied(merge(`${configMaps}/good`, disallowed), unwanted);
    await api.create("/api/v1/namespaces", {
      metadata: { name: "exempted", labels: { "skip-webhook-admission": "yes" } },
    });
    await api.create("/api/v1/namespaces/exempted/configmaps", named("bad", disallowed));
  });

  test("attaching to a pod is denied", async () => {
    await api.create("/api/v1/namespaces/default/pods", podOf("to-be-attached-pod", "container1"));
    const rule = { path: "/pods/attach", resources: ["pods/attach"], operations: ["CONNECT"] };
    await using _ = await install("validating", "attaching", rule);
    const { code, stderr } = await server.kubectl(["attach", "to-be-attached-pod", "-i", "-c=container1"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /attaching to pod 'to-be-attached-pod' is not allowed/);
  });

  test("creation, update and deletion of custom resources are denied", async () => {
    const kind = { kind: "Denied", schema: openObject };
    const path = await define(api, kind);
    const operations = ["CREATE", "UPDATE", "DELETE"];
    await using _ = await install("validating", "denying", {
      path: "/custom-resource",
      resources: ["denieds"],
      operations,
    });
    const unwanted = /the custom resource contains unwanted data/;
    await isDenied(api.call("POST", path, { body: object(kind, "bad", disallowed) }), unwanted);
    const kept = { data: { "webhook-e2e-test": "webhook-nondeletable" } };
    const made = await api.create(path, object(kind, "kept", kept));
    await isDenied(api.call("PUT", `${path}/kept`, { body: { ...made, ...disallowed } }), unwanted);
    await isDenied(
      api.call("DELETE", `${path}/kept`),
      /the custom resource cannot be deleted because it contains unwanted key and value/,
    );
    const allowed = { data: { "webhook-e2e-test": "webhook-allow" } };
    await api.must("PUT", `${path}/kept`, { body: { ...made, ...allowed } });
    await api.must("DELETE", `${path}/kept`);
  });

  test("the creation of a definition is denied", async () => {
    const rule = { path: "/crd", resources: ["customresourcedefinitions"] };
    await using _ = await install("validating", "definitions", rule);
    const own = definition({ kind: "Never" });
    const labels = { "webhook-e2e-test": "webhook-disallow" };
    const body = { ...own, metadata: { ...(own["metadata"] as Json), labels } };
    await isDenied(api.call("POST", definitions, { body }), /the crd contains unwanted label/);
  });

  test("a webhook that can't be reached closes the door, where its selector says so", async () => {
    const more = {
      ...unreachable("Fail"),
      namespaceSelector: { matchExpressions: [{ key: "fail-closed", operator: "In", values: ["yes"] }] },
    };
    await using _ = await install("validating", "closed", {
      path: "/configmaps",
      resources: ["configmaps"],
      more,
    });
    const labels = { "fail-closed": "yes" };
    await api.create("/api/v1/namespaces", { metadata: { name: "fail-closed", labels } });
    const { code, body } = await api.call("POST", "/api/v1/namespaces/fail-closed/configmaps", {
      body: named("foo"),
    });
    assert.deepEqual([code, body["reason"]], [500, "InternalError"]);
    await api.create(configMaps, named("foo"));
  });

  for (const [what, more, isRefused] of [
    ["shorter than it takes, and closed", { timeoutSeconds: 1, failurePolicy: "Fail" }, true],
    ["shorter than it takes, and open", { timeoutSeconds: 1, failurePolicy: "Ignore" }, false],
    ["longer than it takes", { timeoutSeconds: 10, failurePolicy: "Fail" }, false],
    ["not said: ten seconds", { failurePolicy: "Fail" }, false],
  ] as const) {
    test(`a slow webhook's timeout is ${what}`, async () => {
      await using _ = await install("validating", "slow", { path: "/slow", resources: ["configmaps"], more });
      const asked = api.call("POST", configMaps, { body: named("slow") });
      if (isRefused) {
        await isDenied(asked, /\/slow\?timeout=1s.*context deadline exceeded/);
        return;
      }
      assert.equal((await asked).code, 201);
      await api.must("DELETE", `${configMaps}/slow`);
    });
  }

  test("webhooks neither change webhook configurations nor keep them from being deleted", async () => {
    const resources = ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"];
    const deny = { path: "/always-deny", resources, operations: ["DELETE"] };
    await using installed = new AsyncDisposableStack();
    installed.use(await install("validating", "blocking", deny));
    installed.use(await install("mutating", "blocking", { path: "/add-label", resources }));
    for (const kind of ["validating", "mutating"] as const) {
      const dummy = { path: "", resources: ["invalid"], more: unreachable("Ignore") };
      const made = await api.create(configurationsOf(kind), configuration(kind, "dummy", [dummy]));
      assert.equal(at(made, "metadata.labels"), undefined);
      await counts(kind, "dummy");
      await api.must("DELETE", `${configurationsOf(kind)}/dummy`);
    }
  });
}

/** Nobody trusts who answers there. */
const unreachable = (failurePolicy: string): Json => ({
  failurePolicy,
  clientConfig: { url: `https://127.0.0.1:${hooks.port}/configmaps` },
});

const start = { data: { "mutation-start": "yes" } };
const mutated = { "mutation-start": "yes", "mutation-stage-1": "yes", "mutation-stage-2": "yes" };

const twoVersions = [
  { name: "v1", served: true, storage: true },
  { name: "v2", served: true, storage: false },
];

const stages = (resources: readonly string[], operations: readonly string[]): Rule[] => [
  { path: "/mutate", resources, operations },
  { path: "/mutate", resources, operations: ["CREATE"] },
];

function mutating(): void {
  test("a configmap is mutated by one webhook after the other", async () => {
    await using _ = await install("mutating", "stages", ...stages(["configmaps"], ["CREATE"]));
    assert.deepEqual((await api.create(configMaps, named("to-be-mutated", start)))["data"], mutated);
  });

  test("a pod is mutated, and gets its defaults afterwards", async () => {
    await using _ = await install("mutating", "pods", { path: "/mutating-pods", resources: ["pods"] });
    const made = await api.create("/api/v1/namespaces/default/pods", podOf("mutated", "example"));
    const [container, ...more] = at(made, "spec.initContainers") as Json[];
    assert.deepEqual(more, []);
    assert.equal(container?.["name"], "webhook-added-init-container");
    assert.equal(container["terminationMessagePolicy"], "File");
  });

  test("a custom resource is mutated", async () => {
    const kind = { kind: "Mutated", schema: openObject };
    const path = await define(api, kind);
    await using _ = await install("mutating", "crs", ...stages(["mutateds"], ["CREATE", "UPDATE"]));
    assert.deepEqual((await api.create(path, object(kind, "a", start)))["data"], mutated);
  });

  test("a custom resource is mutated that was stored in another version", async () => {
    const kind = { kind: "Restored", schema: openObject, versions: twoVersions };
    const path = await define(api, kind);
    await using _ = await install("mutating", "restored", ...stages(["restoreds"], ["CREATE", "UPDATE"]));
    await api.create(path, object(kind, "a", start));
    const versions = twoVersions.map((version) => ({
      ...version,
      storage: !version.storage,
      schema: { openAPIV3Schema: openObject },
    }));
    await api.must("PATCH", `${definitions}/restoreds.e2e.example.com`, {
      body: JSON.stringify({ spec: { versions } }),
      type: "application/strategic-merge-patch+json",
    });
    const patched = await api.must("PATCH", `${path.replace("/v1/", "/v2/")}/a`, {
      body: JSON.stringify([{ op: "add", path: "/dummy", value: "test" }]),
      type: "application/json-patch+json",
    });
    assert.deepEqual([patched["data"], patched["dummy"]], [mutated, "test"]);
  });

  test("a custom resource is mutated, and what its schema doesn't know is pruned", async () => {
    const fields = { "mutation-start": { type: "string" }, "mutation-stage-1": { type: "string" } };
    const data = { type: "object", properties: fields };
    const schema = { type: "object", properties: { data } };
    const kind = { kind: "Pruned", schema, versions: twoVersions };
    const path = await define(api, kind);
    await using _ = await install("mutating", "pruned", ...stages(["pruneds"], ["CREATE", "UPDATE"]));
    const { "mutation-stage-2": _pruned, ...kept } = mutated;
    assert.deepEqual((await api.create(path, object(kind, "a", start)))["data"], kept);
  });
}

/** Resolves when a configmap that is created is changed, or refused, by a webhook of this kind; or isn't. */
function judged(kind: HookKind, isJudged: boolean, name = "judged"): Promise<unknown> {
  return eventually(`${name} is ${isJudged ? "" : "not "}judged`, waitMs, async () => {
    const data = kind === "validating" ? disallowed : start;
    const { code, body } = await api.call("POST", `${configMaps}?dryRun=All`, { body: named(name, data) });
    return (code === 400 || at(body, "data.mutation-stage-1") === "yes") === isJudged;
  });
}

const conditions = (...expressions: string[]): { matchConditions: Json[] } => ({
  matchConditions: expressions.map((expression, index) => ({ name: `expression-${index}`, expression })),
});

function configurations(): void {
  for (const [kind, path] of [
    ["validating", "/configmaps"],
    ["mutating", "/mutate"],
  ] as const) {
    const collection = configurationsOf(kind);
    const rule = { path, resources: ["configmaps"] };

    test(`${kind} webhooks are in the discovery documents`, async () => {
      const { groups } = (await api.get("/apis")) as { groups: Json[] };
      const group = groups.find(({ name }) => name === "admissionregistration.k8s.io");
      for (const found of [group, await api.get("/apis/admissionregistration.k8s.io")]) {
        assert.equal(found?.["name"], "admissionregistration.k8s.io");
        assert.ok((found["versions"] as Json[]).some(({ version }) => version === "v1"));
      }
      const { groupVersion, resources } = await api.get(admission);
      assert.equal(groupVersion, "admissionregistration.k8s.io/v1");
      assert.ok((resources as Json[]).some(({ name }) => name === `${kind}webhookconfigurations`));
    });

    test(`${kind} webhooks are listed, count, and are deleted together`, async () => {
      for (let n = 0; n < 10; n++) {
        const own = configuration(kind, `listed-${n}`, [rule]);
        const metadata = { ...(own["metadata"] as Json), labels: { e2e: kind } };
        await api.create(collection, { ...own, metadata });
      }
      const selected = `${collection}?labelSelector=e2e%3D${kind}`;
      assert.equal(((await api.get(selected))["items"] as unknown[]).length, 10);
      await judged(kind, true);
      await api.must("DELETE", selected);
      assert.deepEqual((await api.get(selected))["items"], []);
      await judged(kind, false);
    });

    test(`${kind} webhooks are updated and patched, and each change counts`, async () => {
      await using _ = await install(kind, "changed", rule);
      await judged(kind, true);
      const found = (await api.get(`${collection}/changed`)) as { webhooks: { rules: Json[] }[] };
      const [first, ...rest] = found.webhooks;
      const rules = first?.rules.map((each) => ({ ...each, operations: ["UPDATE"] }));
      const webhooks = [{ ...first, rules }, ...rest];
      await api.must("PUT", `${collection}/changed`, { body: { ...found, webhooks } });
      await judged(kind, false);
      await api.must("PATCH", `${collection}/changed`, {
        body: JSON.stringify([{ op: "replace", path: "/webhooks/0/rules/0/operations", value: ["CREATE"] }]),
        type: "application/json-patch+json",
      });
      await judged(kind, true);
    });

    test(`${kind} webhooks have match conditions, which are kept and updated`, async () => {
      const first = conditions("object.metadata.namespace == 'production'");
      await using _ = await install(kind, "conditional", { ...rule, more: first });
      const found = (await api.get(`${collection}/conditional`)) as { webhooks: Json[] };
      assert.deepEqual(found.webhooks[0]?.["matchConditions"], first.matchConditions);
      const second = conditions(
        "object.metadata.namespace == 'production'",
        "object.metadata.namespace == 'staging'",
      );
      const webhooks = [{ ...found.webhooks[0], ...second }, ...found.webhooks.slice(1)];
      await api.must("PUT", `${collection}/conditional`, { body: { ...found, webhooks } });
      const updated = (await api.get(`${collection}/conditional`)) as { webhooks: Json[] };
      assert.deepEqual(updated.webhooks[0]?.["matchConditions"], second.matchConditions);
    });

    test(`${kind} webhooks with match conditions that don't compile are refused`, async () => {
      const bad = { ...rule, more: conditions("... [] bad expression") };
      const { code, text } = await api.call("POST", collection, { body: configuration(kind, "bad", [bad]) });
      assert.equal(code, 422);
      assert.match(
        text,
        /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed/,
      );
    });

    test(`${kind} webhooks judge everything except what their conditions leave out`, async () => {
      const more = conditions("object.metadata.name != 'skip-me'");
      await using _ = await install(kind, "skipping", { ...rule, more });
      await judged(kind, true);
      await judged(kind, false, "skip-me");
    });
  }
}

suite("conformance: admission", { timeout: 240_000 }, () => {
  before(async () => {
    hooks = await startHooks();
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
    await eventually("the default account", waitMs, async () => {
      return (await api.call("GET", "/api/v1/namespaces/default/serviceaccounts/default")).code === 200;
    });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await hooks[Symbol.asyncDispose]();
  });

  suite("webhooks that judge", judging);
  suite("webhooks that mutate", mutating);
  suite("webhook configurations", configurations);
});
