/** Acceptance: an operator with an informer, owned objects, status and a finalizer; its kind is converted by a webhook. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { KubeConfig } from "@kubernetes/client-node";
import { startHookServer, type HookServer } from "#apiserver/admission/testing/hook-server.ts";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { ApiClient, at, type Json } from "../conformance/api-client.ts";
import { eventually } from "../wait.ts";
import { greetingGroup, GreetingOperator } from "./greeting-operator.ts";

const waitMs = 15_000;

const versionOf = (name: string, field: string): Json => ({
  name,
  served: true,
  storage: name === "v1",
  subresources: { status: {} },
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: { type: "object", required: [field], properties: { [field]: { type: "string" } } },
        status: {
          type: "object",
          properties: { observedGeneration: { type: "integer" }, text: { type: "string" } },
        },
      },
    },
  },
});

const definition = (hooks: HookServer): Json => ({
  metadata: { name: `greetings.${greetingGroup}` },
  spec: {
    group: greetingGroup,
    scope: "Namespaced",
    names: { plural: "greetings", kind: "Greeting" },
    versions: [versionOf("v1", "name"), versionOf("v2", "who")],
    conversion: {
      strategy: "Webhook",
      webhook: {
        conversionReviewVersions: ["v1"],
        clientConfig: { url: `https://127.0.0.1:${hooks.port}/convert`, caBundle: hooks.caBundle },
      },
    },
  },
});

/** v1's name is v2's who. */
function converted(object: Json, apiVersion: string): Json {
  const { name, who, ...rest } = object["spec"] as Json;
  const value = name ?? who;
  return {
    ...object,
    apiVersion,
    spec: apiVersion.endsWith("/v1") ? { ...rest, name: value } : { ...rest, who: value },
  };
}

const greetings = (version: string): string =>
  `/apis/${greetingGroup}/${version}/namespaces/default/greetings`;

suite("a sample operator", { timeout: 120_000 }, () => {
  const stack = new AsyncDisposableStack();
  let server: BareServer;
  let hooks: HookServer;
  let api: ApiClient;
  let operator: GreetingOperator;

  before(async () => {
    hooks = stack.use(
      await startHookServer({
        "/convert": (request) => {
          const { objects, desiredAPIVersion } = request as unknown as {
            readonly objects: readonly Json[];
            readonly desiredAPIVersion: string;
          };
          const convertedObjects = objects.map((object) => converted(object, desiredAPIVersion));
          return { result: { status: "Success" }, convertedObjects } as object;
        },
      }),
    );
    server = stack.use(await startBareServer());
    api = await ApiClient.of(server.kubeconfig);
    await api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(hooks));
    await eventually("greetings are served", waitMs, async () => {
      return (await api.call("GET", `/apis/${greetingGroup}/v2/greetings`)).code === 200;
    });
    const config = new KubeConfig();
    config.loadFromFile(server.kubeconfig);
    operator = stack.use(new GreetingOperator(config, "default"));
    await operator.start();
  });
  after(() => stack.disposeAsync());

  test("it greets, follows changes in either version, says goodbye, and what it owns goes along", async () => {
    const map = "/api/v1/namespaces/default/configmaps/g";
    const says = (text: string): Promise<unknown> =>
      eventually(text, waitMs, async () => {
        const found = await api.get(`${greetings("v1")}/g`);
        return (
          at(found, "status.text") === text &&
          at(found, "status.observedGeneration") === at(found, "metadata.generation")
        );
      });
    await api.create(greetings("v1"), {
      apiVersion: `${greetingGroup}/v1`,
      kind: "Greeting",
      metadata: { name: "g" },
      spec: { name: "Ada" },
    });
    await says("Hello, Ada!");
    assert.equal(at(await api.get(map), "data.text"), "Hello, Ada!");
    await api.merge(`${greetings("v2")}/g`, { spec: { who: "Grace" } });
    await says("Hello, Grace!");
    assert.equal(at(await api.get(`${greetings("v1")}/g`), "spec.name"), "Grace");
    assert.equal(at(await api.get(map), "data.text"), "Hello, Grace!");
    await api.must("DELETE", `${greetings("v1")}/g`);
    await eventually("both are gone", waitMs, async () => {
      const codes = await Promise.all([api.call("GET", `${greetings("v2")}/g`), api.call("GET", map)]);
      return codes.every(({ code }) => code === 404);
    });
    await api.get("/api/v1/namespaces/default/configmaps/farewell-g");
    assert.deepEqual(operator.errors, []);
  });
});
