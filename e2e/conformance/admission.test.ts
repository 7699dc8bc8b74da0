/** What upstream's conformance demands of webhooks and policies. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startHookServer, type HookServer } from "#apiserver/admission/testing/hook-server.ts";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, type Answer, type Json } from "./api-client.ts";
import { waitMs, definitions, openObject, definition, define, object } from "./definitions.ts";

let server: BareServer;
let api: ApiClient;
let hooks: HookServer;

const admission = "/apis/admissionregistration.k8s.io/v1";

function hook(path: string, rules: Json, more: Json = {}): Json {
  return {
    name: "e2e.example.com",
    clientConfig: { url: `https://127.0.0.1:${hooks.port}${path}`, caBundle: hooks.caBundle },
    rules: [{ apiGroups: ["*"], apiVersions: ["*"], ...rules }],
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    ...more,
  };
}

function judging(): void {
  test("a webhook denies the creation of definitions, and creation, update and deletion of custom resources", async () => {
    const kind = { kind: "Denied", schema: openObject };
    const path = await define(api, kind);
    await api.create(path, object(kind, "a"));
    const selector = { matchConditions: [{ name: "own", expression: "request.resource.group != 'none'" }] };
    await api.create(`${admission}/validatingwebhookconfigurations`, {
      metadata: { name: "denying" },
      webhooks: [
        hook(
          "/deny",
          { operations: ["CREATE", "UPDATE", "DELETE"], resources: ["denieds", "customresourcedefinitions"] },
          selector,
        ),
      ],
    });
    const denied = /admission webhook \\"e2e\.example\.com\\" denied the request: no/;
    await eventually("creation is denied", waitMs, async () => {
      const { code, text } = await api.call("POST", `${path}?dryRun=All`, { body: object(kind, "b") });
      return code === 400 && denied.test(text);
    });
    const merge = { body: { x: 1 }, type: "application/merge-patch+json" };
    assert.match((await api.call("PATCH", `${path}/a`, merge)).text, denied);
    assert.match((await api.call("DELETE", `${path}/a`)).text, denied);
    assert.match((await api.call("POST", definitions, { body: definition({ kind: "Never" }) })).text, denied);
    await api.must("DELETE", `${admission}/validatingwebhookconfigurations/denying`);
  });

  test("a webhook mutates custom resources, and what their schema doesn't know is pruned", async () => {
    const properties = { data: { type: "object", additionalProperties: { type: "string" } } };
    const versions = [
      { name: "v1", served: true, storage: true },
      { name: "v2", served: true, storage: false },
    ];
    const kind = { kind: "Mutated", schema: { type: "object", properties }, versions };
    const path = await define(api, kind);
    await api.create(`${admission}/mutatingwebhookconfigurations`, {
      metadata: { name: "mutating" },
      webhooks: [hook("/mutate", { operations: ["CREATE"], resources: ["mutateds"] })],
    });
    const made = await eventually("it is mutated", waitMs, async () => {
      const answer = await api.must("POST", `${path}?dryRun=All`, {
        body: object(kind, "a", { data: { a: "b" } }),
      });
      return at(answer, "data.mutated") === undefined ? undefined : answer;
    });
    assert.deepEqual(made["data"], { a: "b", mutated: "yes" });
    assert.equal(made["unknown"], undefined);
    const stored = [false, true].map((value, index) => ({
      op: "replace",
      path: `/spec/versions/${index}/storage`,
      value,
    }));
    await api.must("PATCH", `${definitions}/mutateds.e2e.example.com`, {
      body: JSON.stringify(stored),
      type: "application/json-patch+json",
    });
    await eventually("it is mutated in the other version", waitMs, async () => {
      const { code, body } = await api.call("POST", path, { body: object(kind, "b", { data: {} }) });
      return code === 201 && at(body, "data.mutated") === "yes";
    });
    assert.equal(at(await api.get(`${path.replace("/v1/", "/v2/")}/b`), "data.mutated"), "yes");
  });

  test("a policy judges Deployments, by variables", async () => {
    await api.create(`${admission}/validatingadmissionpolicies`, {
      metadata: { name: "few" },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] },
          ],
        },
        variables: [
          { name: "replicas", expression: "object.spec.replicas" },
          { name: "oddly", expression: "variables.replicas % 2 == 1" },
        ],
        validations: [
          { expression: "variables.replicas > 1", message: "too few" },
          { expression: "variables.oddly", messageExpression: "'even: ' + string(variables.replicas)" },
        ],
      },
    });
    await api.create(`${admission}/validatingadmissionpolicybindings`, {
      metadata: { name: "few" },
      spec: { policyName: "few", validationActions: ["Deny"] },
    });
    const asked = (replicas: number): Promise<Answer> => {
      const labels = { app: "d" };
      const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
      return api.call("POST", "/apis/apps/v1/namespaces/default/deployments?dryRun=All", {
        body: { metadata: { name: "d" }, spec: { replicas, selector: { matchLabels: labels }, template } },
      });
    };
    await eventually("the policy counts", waitMs, async () => (await asked(1)).code === 422);
    assert.match(
      (await asked(1)).text,
      /ValidatingAdmissionPolicy 'few' with binding 'few' denied request: too few/,
    );
    assert.match((await asked(2)).text, /denied request: even: 2/);
    assert.equal((await asked(3)).code, 201);
  });
}

/** Resolves when a configmap that is created is changed, or refused, by `hooked`; or isn't. */
function judged(isJudged: boolean, name = "judged"): Promise<unknown> {
  return eventually(`${name} is ${isJudged ? "" : "not "}judged`, waitMs, async () => {
    const path = "/api/v1/namespaces/default/configmaps?dryRun=All";
    const { code, body } = await api.call("POST", path, { body: { metadata: { name }, data: { a: "b" } } });
    return (code === 400 || at(body, "data.mutated") === "yes") === isJudged;
  });
}

const conditions = (expression: string): Json => ({ matchConditions: [{ name: "own", expression }] });

function configurations(): void {
  for (const [kind, path] of [
    ["validating", "/deny"],
    ["mutating", "/mutate"],
  ] as const) {
    const collection = `${admission}/${kind}webhookconfigurations`;
    const rules = { operations: ["CREATE"], resources: ["configmaps"] };

    test(`${kind} webhooks are listed, patched, updated and deleted together, and each change counts`, async () => {
      const { resources } = await api.get(admission);
      assert.ok((resources as Json[]).some(({ name }) => name === `${kind}webhookconfigurations`));
      for (const name of ["one", "two"]) {
        const metadata = { name, labels: { e2e: kind } };
        await api.create(collection, { metadata, webhooks: [hook(path, rules)] });
      }
      const selected = `${collection}?labelSelector=e2e%3D${kind}`;
      assert.equal(((await api.get(selected))["items"] as unknown[]).length, 2);
      await judged(true);
      await api.must("DELETE", selected);
      await judged(false);
      await api.create(collection, { metadata: { name: "one" }, webhooks: [hook(path, rules)] });
      await judged(true);
      await api.must("PATCH", `${collection}/one`, {
        body: JSON.stringify([{ op: "replace", path: "/webhooks/0/rules/0/operations", value: ["UPDATE"] }]),
        type: "application/json-patch+json",
      });
      await judged(false);
      const found = await api.get(`${collection}/one`);
      await api.must("PUT", `${collection}/one`, { body: { ...found, webhooks: [hook(path, rules)] } });
      await judged(true);
      await api.must("DELETE", `${collection}/one`);
      await judged(false);
    });

    test(`${kind} webhooks have match conditions, which are checked and count`, async () => {
      const metadata = { name: "conditional" };
      const refused = await api.call("POST", collection, {
        body: { metadata, webhooks: [hook(path, rules, conditions("... [] bad expression"))] },
      });
      assert.equal(refused.code, 422);
      assert.match(
        refused.text,
        /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed/,
      );
      const made = await api.create(collection, {
        metadata,
        webhooks: [hook(path, rules, conditions("object.metadata.name != 'skip-me'"))],
      });
      await judged(true);
      await judged(false, "skip-me");
      const webhooks = [hook(path, rules, conditions("object.metadata.name != 'judged'"))];
      const updated = await api.must("PUT", `${collection}/conditional`, { body: { ...made, webhooks } });
      const [first] = updated["webhooks"] as Json[];
      assert.deepEqual(
        first?.["matchConditions"],
        conditions("object.metadata.name != 'judged'")["matchConditions"],
      );
      await judged(false);
      await judged(true, "skip-me");
      await api.must("DELETE", `${collection}/conditional`);
      await judged(false, "skip-me");
    });
  }
}

suite("conformance: admission", { timeout: 240_000 }, () => {
  before(async () => {
    const patch = [
      { op: "add", path: "/data/mutated", value: "yes" },
      { op: "add", path: "/unknown", value: "pruned" },
    ];
    hooks = await startHookServer({
      "/deny": () => ({ allowed: false, status: { message: "no" } }),
      "/mutate": () => ({
        allowed: true,
        patchType: "JSONPatch",
        patch: Buffer.from(JSON.stringify(patch)).toString("base64"),
      }),
    });
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await hooks[Symbol.asyncDispose]();
  });

  suite("policies and webhooks", judging);
  suite("webhook configurations", configurations);
});
