/** One policy that validates, its binding, and what they say of a write. */
import { Registry } from "prom-client";
import { createExpressions } from "#api/expressions.ts";
import type {
  ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicySpec,
} from "#api/generated/types/admissionregistration-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import {
  deployments,
  namespaces,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from "#api/resources.ts";
import type { Attributes, Authorizer } from "#apiserver/authz/authorizer.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { attributesOf, run, type Write } from "../../testing/attributes.ts";
import { unmeasured } from "../../testing/unmeasured.ts";
import type { ObjectTypes } from "../../webhooks/object-types.ts";
import { ValidatingPolicies } from "../validating.ts";

const engine = createExpressions();

/** Deployments, as they were in another version, too: their spec was a text there. */
const old = { group: "apps", version: "v1beta1", resource: "deployments", kind: "Deployment" };
export const types: ObjectTypes = {
  equivalents: ({ resource }) => (resource === "deployments" ? [{ gvr: old, gvk: old }] : []),
  resourceOf: ({ kind }) => (kind === "ConfigMap" ? { resource: "configmaps", namespaced: true } : undefined),
  convert: (object, _from, { version }) =>
    Promise.resolve({ ...object, apiVersion: version, spec: `of ${version}` }),
  read: (object) => object,
  written: (object) => object,
  applyType: () => undefined,
};

export const everything: ValidatingAdmissionPolicySpec["matchConstraints"] = {
  resourceRules: [
    { apiGroups: ["*"], apiVersions: ["*"], operations: ["CREATE", "UPDATE"], resources: ["*"] },
  ],
};

export interface Setup {
  readonly spec: Partial<ValidatingAdmissionPolicySpec>;
  readonly binding?: ValidatingAdmissionPolicyBindingSpec;
  readonly write?: Write;
}

interface Outcome {
  readonly refusal: string | undefined;
  readonly status: StatusError["status"] | undefined;
  readonly warnings: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly asked: readonly Attributes[];
  readonly metrics: string;
}

const deploymentOf = (count: number, labels: Record<string, string>): KubeObject =>
  ({
    metadata: { name: "web", namespace: "ns", labels },
    spec: { replicas: count },
  }) as KubeObject;

export const replicas = (count: number, labels = {}): Write => ({
  object: deploymentOf(count, labels),
});

/** What becomes of a write under one policy and its binding. */
export async function outcomeOf({ spec, binding, write = replicas(5) }: Setup): Promise<Outcome> {
  const api = new MemoryApi();
  api.seed(namespaces, { metadata: { name: "ns", labels: { env: "test" } } });
  api.seed(validatingAdmissionPolicies, {
    metadata: { name: "p" },
    spec: { failurePolicy: "Fail", matchConstraints: everything, ...spec },
  });
  api.seed(validatingAdmissionPolicyBindings, {
    metadata: { name: "b" },
    spec: { policyName: "p", validationActions: ["Deny"], ...binding },
  });
  const asked: Attributes[] = [];
  const authorizer: Authorizer = {
    authorize: (attributes) => {
      asked.push(attributes);
      return Promise.resolve({ allowed: attributes.verb === "get", denied: false, reason: "" });
    },
    rulesFor: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
  };
  const registry = new Registry();
  const plugin = new ValidatingPolicies({
    client: api,
    informers: api,
    ...unmeasured(registry),
    authorizer,
    loadExpressions: () => Promise.resolve(engine),
    types,
  });
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  let status: StatusError["status"] | undefined;
  try {
    await run(
      plugin,
      attributesOf(deployments, {
        ...write,
        warn: (text) => warnings.push(text),
        annotate: (key, text) => {
          annotations[key] = text;
        },
      }),
    );
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    status = error.status;
  }
  const refusal = status?.details?.causes?.[0]?.message;
  return { refusal, status, warnings, annotations, asked, metrics: await registry.metrics() };
}
