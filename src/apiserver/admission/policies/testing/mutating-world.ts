/** Deployments, and mutating policies about them that are made for each case. */
import assert from "node:assert/strict";
import type { Registry } from "prom-client";
import { createExpressions } from "#api/expressions.ts";
import type {
  MutatingAdmissionPolicyBindingSpec,
  MutatingAdmissionPolicySpec,
  Mutation,
} from "#api/generated/types/admissionregistration-v1beta1.ts";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import { parseRuntimeConfig } from "#api/runtime-config.ts";
import { configMaps, deployments, namespaces } from "#api/resources.ts";
import { createScheme } from "#api/scheme.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import type { AdmissionPlugin } from "../../admission.ts";
import { AdmissionChain } from "../../chain.ts";
import { unmeasured } from "../../testing/unmeasured.ts";
import { attributesOf, type Write } from "../../testing/attributes.ts";
import { schemeTypes } from "../../testing/scheme-types.ts";
import { MutatingPolicies } from "../mutating.ts";
import { mutatingPolicyRefs } from "../mutating-refs.ts";

const engine = createExpressions();
const scheme = createScheme(parseRuntimeConfig(["api/all=true"]));
export const types = schemeTypes(scheme);
const refs = mutatingPolicyRefs(scheme);
assert.ok(refs !== undefined);
export const { policies, bindings } = refs;

const ofDeployments: MutatingAdmissionPolicySpec["matchConstraints"] = {
  resourceRules: [
    { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["*"], resources: ["deployments"] },
  ],
};

export const ofReplicaSets: MutatingAdmissionPolicySpec["matchConstraints"] = {
  resourceRules: [
    { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["*"], resources: ["replicasets"] },
  ],
};

export const apply = (expression: string): Mutation => ({
  patchType: "ApplyConfiguration",
  applyConfiguration: { expression },
});
export const patch = (expression: string): Mutation => ({
  patchType: "JSONPatch",
  jsonPatch: { expression },
});

export interface Policy extends MutatingAdmissionPolicySpec {
  readonly name?: string;
  readonly binding?: Partial<MutatingAdmissionPolicyBindingSpec>;
}

const deployment = { ...deployments, kind: "Deployment" };
const named = { metadata: { name: "web", namespace: "ns" } };

/** As it is once it was read: with its defaults, and whatever follows from these. */
export const read = (object: object): AnyObject => {
  const once = types.read(structuredClone({ ...named, ...object }) as AnyObject, deployment);
  return types.read(once, deployment);
};

export const authorizer: Authorizer = {
  authorize: ({ verb }) => Promise.resolve({ allowed: verb === "get", denied: false, reason: "" }),
  rulesFor: () => assert.fail("nobody asks for rules"),
};

interface Setup {
  readonly registry?: Registry;
  readonly specs: readonly Policy[];
  readonly object?: object;
  readonly write?: Write;
  readonly others?: readonly AdmissionPlugin[];
  readonly params?: readonly ConfigMap[];
}

export async function admitted({
  specs,
  object = {},
  write = {},
  others = [],
  params = [],
  registry,
}: Setup): Promise<AnyObject> {
  const api = new MemoryApi();
  api.seed(namespaces, { metadata: { name: "ns", labels: { env: "test" } } });
  for (const each of params) api.seed(configMaps, each);
  for (const { name = "p", binding, ...spec } of specs) {
    api.seed(policies, {
      metadata: { name },
      spec: { failurePolicy: "Fail", reinvocationPolicy: "Never", matchConstraints: ofDeployments, ...spec },
    });
    api.seed(bindings, { metadata: { name: `${name}-binding` }, spec: { policyName: name, ...binding } });
  }
  const plugin = new MutatingPolicies(
    { policies, bindings },
    {
      client: api,
      informers: api,
      ...unmeasured(registry),
      authorizer,
      loadExpressions: () => Promise.resolve(engine),
      types,
    },
  );
  const written = read(object);
  await new AdmissionChain([...others.slice(0, 1), plugin, ...others.slice(1)], unmeasured()).admit(
    attributesOf(deployments, { object: written, ...write }),
  );
  return written;
}

export async function refusalOf(setup: Setup): Promise<StatusError> {
  try {
    await admitted(setup);
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  return assert.fail("it was admitted");
}

export const template = (spec: object, metadata: object = {}): object => ({
  spec: { template: { spec, metadata } },
});
export const containers = (...all: object[]): object => template({ containers: all });
export const labels = (all: Record<string, string>, more: object = {}): object => ({
  metadata: { ...named.metadata, labels: all },
  ...more,
});
export const replicas = (count: number): object => ({ spec: { replicas: count } });
export const a = { name: "a" };
export const b = { name: "b" };
export const c = { name: "c" };
