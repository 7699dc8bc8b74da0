/** Webhooks and policies over custom resources, through a whole server. upstream: test/integration/apiserver/admissionwebhook, test/e2e/apimachinery/webhook.go */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createExpressions } from "#api/expressions.ts";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import type { AnyObject, KubeObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import {
  mutatingWebhookConfigurations,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
} from "#api/resources.ts";
import { parseRuntimeConfig } from "#api/runtime-config.ts";
import { createScheme } from "#api/scheme.ts";
import {
  patchOf,
  startHookServer,
  type HookAnswer,
  type HookServer,
} from "#apiserver/admission/testing/hook-server.ts";
import { mutatingPolicyRefs } from "#apiserver/admission/policies/mutating-refs.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import { openMemoryStore } from "#store/memory.ts";
import { startTestServer } from "#testing/server.ts";
import { define, version, widgetDefinition, widgets } from "./testing/widgets.ts";

const scheme = createScheme(parseRuntimeConfig(["admissionregistration.k8s.io/v1beta1=true"]));
const mutating = mutatingPolicyRefs(scheme);
assert.ok(mutating !== undefined);
const root = { name: "admin", groups: ["system:masters"] };
const loadExpressions = (): Promise<ReturnType<typeof createExpressions>> =>
  Promise.resolve(createExpressions());

type Seed = (client: Client) => Promise<unknown>;

const creating =
  <T extends KubeObject>(ref: ResourceRef<T>, object: T): Seed =>
  (client) =>
    client.resource(ref).create(object);

/** A server that finds the definition and all else in its store, so that its caches know them from the start. */
async function serving(
  seeds: readonly Seed[],
  crd: CustomResourceDefinition,
  run: (client: Client) => Promise<void>,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const store = openMemoryStore({ clock: systemClock, log: silentLogger });
  stack.defer(() => store.close());
  {
    await using server = await startTestServer({ store, loadExpressions, scheme });
    const client = server.client(root);
    await define(client, crd);
    for (const seed of seeds) await seed(client);
  }
  await using server = await startTestServer({ store, loadExpressions, scheme });
  await run(server.client(root));
}

const both = (): CustomResourceDefinition =>
  widgetDefinition([
    version("v1", { subresources: { status: {} } }),
    version("v2", { subresources: { status: {} } }),
  ]);

const widget = (name: string, spec: object = {}, apiVersion = "example.com/v1"): AnyObject => ({
  apiVersion,
  kind: "Widget",
  metadata: { name, namespace: "default" },
  spec,
});

const rules = (apiVersion: string) => [
  { operations: ["*"], apiGroups: ["example.com"], apiVersions: [apiVersion], resources: ["widgets"] },
];

const hook = (server: HookServer, path: string, apiVersion = "*", more: object = {}) => ({
  name: `${path.slice(1)}.example.com`,
  clientConfig: { url: `https://127.0.0.1:${server.port}${path}`, caBundle: server.caBundle },
  rules: rules(apiVersion),
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  ...more,
});

function seen(request: HookServer["requests"][number] | undefined): AnyObject {
  assert.ok(request?.object, "the webhook was asked");
  return request.object as AnyObject;
}

async function refusal(run: Promise<unknown>): Promise<string> {
  try {
    await run;
  } catch (error) {
    if (error instanceof StatusError) return error.message;
    throw error;
  }
  throw new Error("it wasn't refused");
}

suite("webhooks and custom resources", () => {
  test("a webhook for one version is asked in it about all, and its changes come back in the writer's", async () => {
    const answers: Record<string, HookAnswer> = {
      "/mutate": () => patchOf({ op: "add", path: "/spec/color", value: "red" }),
      "/exact": () => ({ allowed: false }),
      "/validate": () => ({}),
    };
    await using server = await startHookServer(answers);
    const seeds = [
      creating(mutatingWebhookConfigurations, {
        metadata: { name: "m" },
        webhooks: [hook(server, "/mutate", "v2")],
      }),
      creating(validatingWebhookConfigurations, {
        metadata: { name: "v" },
        webhooks: [hook(server, "/exact", "v2", { matchPolicy: "Exact" }), hook(server, "/validate", "v1")],
      }),
    ];
    await serving(seeds, both(), async (client) => {
      const made = await client.resource(widgets, "default").create(widget("a", { size: 2 }));
      assert.deepEqual([made.apiVersion, made["spec"]], ["example.com/v1", { size: 2, color: "red" }]);
      const [mutate, validate] = server.requests;
      assert.deepEqual(
        [mutate?.path, mutate?.kind.version, mutate?.requestKind?.version, mutate?.resource.version],
        ["/mutate", "v2", "v1", "v2"],
      );
      assert.equal(seen(mutate).apiVersion, "example.com/v2");
      assert.deepEqual(
        [validate?.path, seen(validate).apiVersion, seen(validate)["spec"]],
        ["/validate", "example.com/v1", { size: 2, color: "red" }],
      );
      assert.equal(server.requests.length, 2, "Exact isn't about another version");
    });
  });

  test("after a webhook's patch, defaults are filled in again, and what the schema doesn't know is not served", async () => {
    await using server = await startHookServer({
      "/first": () =>
        patchOf({ op: "remove", path: "/spec/size" }, { op: "add", path: "/spec/unknown", value: true }),
      "/second": () => ({}),
    });
    const seeds = [
      creating(mutatingWebhookConfigurations, {
        metadata: { name: "m" },
        webhooks: [hook(server, "/first"), hook(server, "/second")],
      }),
    ];
    await serving(seeds, both(), async (client) => {
      const made = await client.resource(widgets, "default").create(widget("a", { size: 2 }));
      assert.deepEqual(made["spec"], { size: 3 });
      assert.deepEqual((await client.resource(widgets, "default").get("a"))["spec"], { size: 3 });
      assert.deepEqual(seen(server.requests[1])["spec"], { size: 3, unknown: true });
    });
  });

  test("what a webhook makes wrong is refused by the schema", async () => {
    await using server = await startHookServer({
      "/bad": () => patchOf({ op: "replace", path: "/spec/size", value: "big" }),
    });
    const seeds = [
      creating(mutatingWebhookConfigurations, { metadata: { name: "m" }, webhooks: [hook(server, "/bad")] }),
    ];
    await serving(seeds, both(), async (client) => {
      const message = await refusal(client.resource(widgets, "default").create(widget("a")));
      assert.match(message, /^Widget\.example\.com "a" is invalid: spec\.size: Invalid value: "string"/);
    });
  });

  test("a version that can't be converted to fails the write", async () => {
    await using server = await startHookServer({ "/mutate": () => ({}) });
    const crd = both();
    const seeds = [
      creating(mutatingWebhookConfigurations, {
        metadata: { name: "m" },
        webhooks: [hook(server, "/mutate", "v2")],
      }),
    ];
    const closed = { url: "https://127.0.0.1:1/convert", caBundle: server.caBundle };
    crd.spec.conversion = {
      strategy: "Webhook",
      webhook: { clientConfig: closed, conversionReviewVersions: ["v1"] },
    };
    await serving(seeds, crd, async (client) => {
      const message = await refusal(client.resource(widgets, "default").create(widget("a")));
      assert.match(
        message,
        /^Internal error occurred: conversion webhook for example\.com\/v1, Kind=Widget failed: Post "https:\/\/127\.0\.0\.1:1\/convert/,
      );
      assert.deepEqual(server.requests, []);
    });
  });
});

suite("policies and custom resources", () => {
  test("a policy for one version judges all in it, with parameters of a custom kind", async () => {
    const seeds = [
      creating(validatingAdmissionPolicies, {
        metadata: { name: "p" },
        spec: {
          paramKind: { apiVersion: "example.com/v1", kind: "Widget" },
          matchConstraints: { resourceRules: rules("v2") },
          validations: [
            {
              expression:
                "object.apiVersion != 'example.com/v2' || request.requestKind.version != 'v1' || object.spec.size <= params.spec.size",
              messageExpression: "request.kind.version + ' of at most ' + string(params.spec.size)",
            },
          ],
        },
      }),
      creating(validatingAdmissionPolicyBindings, {
        metadata: { name: "b" },
        spec: {
          policyName: "p",
          validationActions: ["Deny"],
          paramRef: { name: "limit", namespace: "default", parameterNotFoundAction: "Allow" },
        },
      }),
    ];
    await serving(seeds, both(), async (client) => {
      const objects = client.resource(widgets, "default");
      await objects.create(widget("limit", { size: 4 }));
      await objects.create(widget("four", { size: 4 }));
      assert.equal(
        await refusal(objects.create(widget("five", { size: 5 }))),
        "widgets.example.com \"five\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: v2 of at most 4",
      );
    });
  });
});

/** A policy of one mutation for objects in v2, bound. */
const mutatingBy = (expression: string): readonly Seed[] => [
  creating(mutating.policies, {
    metadata: { name: "p" },
    spec: {
      matchConstraints: { resourceRules: rules("v2") },
      reinvocationPolicy: "IfNeeded",
      mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression } }],
    },
  }),
  creating(mutating.bindings, { metadata: { name: "b" }, spec: { policyName: "p" } }),
];

suite("mutating policies and custom resources", () => {
  test("a policy changes objects in its version, before webhooks are asked, and again after they changed them", async () => {
    await using server = await startHookServer({
      "/hook": ({ object }) =>
        (object as { spec: { size: number } }).spec.size < 4
          ? patchOf({ op: "replace", path: "/spec/size", value: 4 })
          : {},
    });
    const seeds = [
      ...mutatingBy(
        "Object{metadata: Object.metadata{labels: {'size': string(object.spec.size), 'in': object.apiVersion.split('/')[1]}}}",
      ),
      creating(mutatingWebhookConfigurations, {
        metadata: { name: "m" },
        webhooks: [hook(server, "/hook", "v1")],
      }),
    ];
    await serving(seeds, both(), async (client) => {
      const objects = client.resource(widgets, "default");
      const made = await objects.create(widget("a", { size: 2 }));
      assert.deepEqual(seen(server.requests[0]).metadata?.labels, { size: "2", in: "v2" });
      assert.deepEqual(made.metadata?.labels, { size: "4", in: "v2" });
      assert.deepEqual([made.apiVersion, made["spec"]], ["example.com/v1", { size: 4 }]);
      const tried = await objects.create(widget("b", { size: 9 }), { dryRun: true });
      assert.equal(tried.metadata?.labels?.["size"], "9");
    });
  });

  test("what the schema doesn't know can't be applied", async () => {
    await serving(mutatingBy("Object{spec: Object.spec{sise: 1}}"), both(), async (client) => {
      assert.equal(
        await refusal(client.resource(widgets, "default").create(widget("a"))),
        "policy 'p' with binding 'b' denied request: error applying patch: failed to convert patch object to typed object: .spec.sise: field not declared in schema",
      );
    });
  });
});
