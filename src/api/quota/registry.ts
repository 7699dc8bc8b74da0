/** Which evaluator measures which resource. upstream: pkg/quota/v1/{evaluator/core,install}/registry.go */
import { quantityOfUnits } from "../meta/quantity.ts";
import { DeviceClaimEvaluator, VolumeClaimEvaluator } from "./claims.ts";
import type { QuotaEvaluator, QuotaWrite, Usage } from "./evaluator.ts";
import { PodEvaluator } from "./pods.ts";
import { ServiceEvaluator } from "./services.ts";

const special: ReadonlyMap<string, QuotaEvaluator> = new Map<string, QuotaEvaluator>([
  ["pods", new PodEvaluator()],
  ["services", new ServiceEvaluator()],
  ["persistentvolumeclaims", new VolumeClaimEvaluator()],
  ["resourceclaims.resource.k8s.io", new DeviceClaimEvaluator()],
]);

/** Names from before "count/…". */
const aliases = new Set(["configmaps", "resourcequotas", "replicationcontrollers", "secrets"]);

/** Not stored, or of no consequence. */
const ignored = new Set([
  "bindings",
  "componentstatuses",
  "events",
  "events.events.k8s.io",
  "tokenreviews.authentication.k8s.io",
  "selfsubjectreviews.authentication.k8s.io",
  "subjectaccessreviews.authorization.k8s.io",
  "selfsubjectaccessreviews.authorization.k8s.io",
  "localsubjectaccessreviews.authorization.k8s.io",
  "selfsubjectrulesreviews.authorization.k8s.io",
]);

const countPrefix = "count/";

class CountEvaluator implements QuotaEvaluator {
  readonly #names: readonly string[];

  constructor(resource: string) {
    this.#names = [`${countPrefix}${resource}`, ...(aliases.has(resource) ? [resource] : [])];
  }

  handles({ operation, subresource }: QuotaWrite): boolean {
    return operation === "CREATE" && subresource === "";
  }

  usage(): Usage {
    return new Map(this.#names.map((name) => [name, quantityOfUnits(1n)]));
  }

  measures(name: string): boolean {
    return this.#names.includes(name);
  }

  missing(): undefined {
    return undefined;
  }

  isInScope(): boolean {
    return false;
  }
}

/** `resource`: "pods", "deployments.apps". Undefined for what no quota measures. */
export function quotaEvaluator(resource: string): QuotaEvaluator | undefined {
  return ignored.has(resource) ? undefined : (special.get(resource) ?? new CountEvaluator(resource));
}

/** The resources that a quota's names are about. */
export function quotaResources(names: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const name of names) {
    const own = [...special.keys()].find((resource) => special.get(resource)?.measures(name) === true);
    if (own !== undefined) found.add(own);
    else if (aliases.has(name)) found.add(name);
    else if (name.startsWith(countPrefix)) found.add(name.slice(countPrefix.length));
  }
  return [...found].filter((resource) => !ignored.has(resource));
}
