/** A webhook server, configurations that call it, and a chain of the two plugins: for their tests. */
import { Registry } from "prom-client";
import assert from "node:assert/strict";
import { JsonDecoder } from "#api/codec/json.ts";
import { createExpressions } from "#api/expressions.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import { WebhookExpressions } from "../webhooks/expressions.ts";
import { MatchConditions } from "../webhooks/match-conditions.ts";
import type { MutatingWebhook, ValidatingWebhook } from "#api/generated/types/admissionregistration-v1.ts";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import { StatusError } from "#api/meta/status.ts";
import {
  mutatingWebhookConfigurations,
  namespaces,
  validatingWebhookConfigurations,
} from "#api/resources.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { HookClient } from "#apiserver/connect/hook-client.ts";
import { AdmissionMetrics } from "#apiserver/metrics/admission-metrics.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { AdmissionChain } from "../chain.ts";
import { MutatingWebhooks } from "../webhooks/mutating.ts";
import { ValidatingWebhooks } from "../webhooks/validating.ts";
import { attributesOf, type Write } from "./attributes.ts";
import { startHookServer, type HookAnswer, type HookServer } from "./hook-server.ts";
import { schemeTypes } from "./scheme-types.ts";

const engine = createExpressions();
const loadExpressions = (): Promise<typeof engine> => Promise.resolve(engine);
const scheme = createScheme();
const types = schemeTypes(scheme);

export type HookSettings = Partial<MutatingWebhook>;

export interface HookWorld {
  /** What has been counted. */
  readonly metrics: () => Promise<string>;
  readonly server: HookServer;
  readonly warnings: string[];
  readonly annotations: Record<string, string>;
  readonly ask: (ref: Parameters<typeof attributesOf>[0], write: Write) => Promise<string | undefined>;
}

const authorizer: Authorizer = {
  authorize: ({ verb }) => ({ allowed: verb === "bless", denied: false, reason: "" }),
  rulesFor: () => assert.fail("nobody asks for rules"),
};

/** One configuration of each sort; each webhook is named after its path. */
export async function hookWorld(
  answers: Readonly<Record<string, HookAnswer>>,
  hooks: { readonly mutating?: HookSettings[]; readonly validating?: HookSettings[] },
  run: (world: HookWorld) => Promise<void>,
): Promise<void> {
  await using server = await startHookServer(answers, { dnsNames: ["hook.ns.svc"] });
  const api = new MemoryApi();
  const webhookOf = (settings: HookSettings): MutatingWebhook & ValidatingWebhook => ({
    name: "hook.example.com",
    clientConfig: { url: `https://127.0.0.1:${server.port}/hook`, caBundle: server.caBundle },
    rules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] }],
    failurePolicy: "Fail",
    matchPolicy: "Equivalent",
    sideEffects: "None",
    timeoutSeconds: 5,
    admissionReviewVersions: ["v1"],
    ...settings,
  });
  const metadata = { name: "config" };
  api.seed(namespaces, { metadata: { name: "ns", labels: { env: "test" } } });
  api.seed(mutatingWebhookConfigurations, { metadata, webhooks: (hooks.mutating ?? []).map(webhookOf) });
  api.seed(validatingWebhookConfigurations, { metadata, webhooks: (hooks.validating ?? []).map(webhookOf) });
  const resolver = { resolve: () => Promise.resolve({ host: "127.0.0.1", port: server.port }) };
  const registry = new Registry();
  const measuring = { clock: systemClock, metrics: new AdmissionMetrics(registry, systemClock) };
  const conditions = new MatchConditions({ loadExpressions, authorizer, ...measuring });
  const deps = {
    lookup: { informers: api, client: api },
    hooks: {
      client: new HookClient({ resolver, clock: systemClock }),
      reviews: new JsonDecoder(createTypeTable()),
      random: systemRandom,
      log: silentLogger,
      ...measuring,
    },
    types,
    conditions,
  };
  const chain = new AdmissionChain(
    [new WebhookExpressions(conditions), new MutatingWebhooks(deps), new ValidatingWebhooks(deps)],
    measuring,
  );
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  await run({
    server,
    metrics: () => registry.metrics(),
    warnings,
    annotations,
    ask: async (ref, write) => {
      const attributes = attributesOf(ref, {
        ...write,
        warn: (text) => warnings.push(text),
        annotate: (key, text) => {
          annotations[key] = text;
        },
      });
      try {
        await chain.admit(attributes);
        await chain.validate(attributes);
        return undefined;
      } catch (error) {
        if (error instanceof StatusError) return `${error.code} ${error.message}`;
        throw error;
      }
    },
  });
}

export const map = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  kind: "ConfigMap",
  apiVersion: "v1",
  metadata: { name, namespace: "ns", labels: { app: name } },
  data,
});

export const allow: HookAnswer = () => ({ allowed: true });
/** For webhooks by path on one server. */
export const at = (server: HookServer, path: string): MutatingWebhook["clientConfig"] => ({
  url: `https://127.0.0.1:${server.port}${path}`,
  caBundle: server.caBundle,
});
