/** What upstream's conformance demands of admission policies, of which those that mutate are served only if asked for. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, type Answer, type Json } from "./api-client.ts";
import { waitMs } from "./definitions.ts";

const group = "/apis/admissionregistration.k8s.io";
const apps = "/apis/apps/v1/namespaces/default";

let server: BareServer;
let api: ApiClient;

const labels = { app: "d" };
const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };

const asked = (resource: string, replicas: number): Promise<Answer> =>
  api.call("POST", `${apps}/${resource}?dryRun=All`, {
    body: { metadata: { name: "d" }, spec: { replicas, selector: { matchLabels: labels }, template } },
  });

const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": "default" } };
const matchConstraints = {
  namespaceSelector,
  resourceRules: [
    {
      apiGroups: ["apps"],
      apiVersions: ["v1"],
      operations: ["CREATE", "UPDATE"],
      resources: ["deployments"],
    },
  ],
};

/** With a binding to the default namespace; both are gone again with what it resolves to. */
async function install(kind: string, name: string, spec: Json): Promise<AsyncDisposable> {
  const [version, more] = kind === "mutating" ? ["v1beta1", {}] : ["v1", { validationActions: ["Deny"] }];
  const paths = ["policies", "policybindings"].map((part) => `${group}/${version}/${kind}admission${part}`);
  const [policies = "", bindings = ""] = paths;
  await api.create(policies, { metadata: { name }, spec: { matchConstraints, ...spec } });
  const matchResources = { namespaceSelector };
  await api.create(bindings, { metadata: { name }, spec: { policyName: name, matchResources, ...more } });
  return {
    [Symbol.asyncDispose]: async () => {
      for (const path of paths) await api.must("DELETE", `${path}/${name}`);
    },
  };
}

/** Of a deployment with one replica. */
const isRefused = (): Promise<unknown> =>
  eventually("the policy counts", waitMs, async () => (await asked("deployments", 1)).code === 422);

suite("conformance: policies", { timeout: 120_000 }, () => {
  before(async () => {
    server = await startBareServer(["--runtime-config", "admissionregistration.k8s.io/v1beta1=true"]);
    api = await ApiClient.of(server.kubeconfig);
  });
  after(() => server[Symbol.asyncDispose]());

  test("a policy validates Deployments, and nothing else", async () => {
    await using _ = await install("validating", "replicated", {
      validations: [
        {
          expression: "object.spec.replicas > 1",
          messageExpression: "'wants replicas > 1, got ' + object.spec.replicas",
        },
        {
          expression: "namespaceObject.metadata.name == 'default'",
          message: "Internal error! Other namespace should not be allowed.",
        },
      ],
    });
    await isRefused();
    const { body } = await asked("deployments", 1);
    assert.equal(body["reason"], "Invalid");
    // A message that can't be made, of text and a number, leaves the expression for one.
    assert.match(
      String(body["message"]),
      /ValidatingAdmissionPolicy 'replicated' with binding 'replicated' denied request: failed expression: object\.spec\.replicas > 1/,
    );
    assert.equal((await asked("deployments", 2)).code, 201);
    assert.equal((await asked("replicasets", 1)).code, 201);
  });

  test("a policy's expressions refer to its variables", async () => {
    await using _ = await install("validating", "odd", {
      variables: [
        { name: "replicas", expression: "object.spec.replicas" },
        { name: "oddReplicas", expression: "variables.replicas % 2 == 1" },
      ],
      validations: [{ expression: "variables.replicas > 1" }, { expression: "variables.oddReplicas" }],
    });
    await isRefused();
    assert.match((await asked("deployments", 2)).text, /failed expression: variables\.oddReplicas/);
    assert.equal((await asked("deployments", 3)).code, 201);
    assert.equal((await asked("replicasets", 1)).code, 201);
  });

  const annotation = `Object{metadata: Object.metadata{annotations: {"mutated-by": "admission-policy"}}}`;
  const json = `[JSONPatch{op: "add", path: "/metadata/annotations", value: {"mutated-by": "admission-policy"}}]`;
  for (const [name, mutation] of [
    ["applied", { patchType: "ApplyConfiguration", applyConfiguration: { expression: annotation } }],
    ["patched", { patchType: "JSONPatch", jsonPatch: { expression: json } }],
  ] as const) {
    test(`a Deployment gets annotations by a policy: ${name}`, async () => {
      await using _ = await install("mutating", name, {
        reinvocationPolicy: "Never",
        mutations: [mutation],
      });
      await eventually("the policy counts", waitMs, async () => {
        const annotations = at((await asked("deployments", 2)).body, "metadata.annotations");
        return (annotations as Json | undefined)?.["mutated-by"] === "admission-policy";
      });
      assert.equal(at((await asked("replicasets", 2)).body, "metadata.annotations"), undefined);
    });
  }
});
