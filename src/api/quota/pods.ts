/** How quotas measure pods. upstream: pkg/quota/v1/evaluator/core/pods.go */
import { amountsOf, podAmounts, type Amounts } from "../core/pod-resources.ts";
import { qosClassOf } from "../core/qos.ts";
import type {
  Container,
  Pod,
  PodAffinityTerm,
  PodSpec,
  ScopedResourceSelectorRequirement,
} from "../generated/types/core-v1.ts";
import { secondsMs } from "../meta/duration.ts";
import type { AnyObject } from "../meta/object.ts";
import { quantityOfUnits, type Quantity } from "../meta/quantity.ts";
import { parseTime } from "#base/clock.ts";
import type { QuotaEvaluator, QuotaWrite, Usage } from "./evaluator.ts";
import { selects } from "./scopes.ts";

const countName = "count/pods";
const one = quantityOfUnits(1n);

const names = new Set([
  countName,
  "pods",
  ...["cpu", "memory", "ephemeral-storage"].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
/** A quota of these makes every container say what it wants of them; upstream regrets it, but can't take it back. */
const demanded = new Set(["cpu", "memory"].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]));
const both = ["cpu", "memory", "ephemeral-storage"];
const hugePages = "hugepages-";

const classPrefix = "deviceclass.resource.kubernetes.io/";

/** Named for a domain other than kubernetes.io's own, or standing for a class of devices. */
const isExtended = (name: string): boolean =>
  name.startsWith(classPrefix) || (name.includes("/") && !name.includes("kubernetes.io/"));

const isExtendedQuota = (name: string): boolean =>
  name.startsWith("requests.") && isExtended(name.slice("requests.".length));

/** A pod that is over, or should have been for long, takes nothing but its name. */
export function isQuotaPod({ metadata, status }: Pod, nowMs: number): boolean {
  if (status?.phase === "Failed" || status?.phase === "Succeeded") return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {};
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return nowMs <= parseTime(deletionTimestamp) + secondsMs(deletionGracePeriodSeconds);
}

const isTerminating = ({ spec }: Pod): boolean => (spec?.activeDeadlineSeconds ?? -1) >= 0;

function computeUsage(requests: Amounts, limits: Amounts): Map<string, Quantity> {
  const usage = new Map([["pods", one]]);
  for (const name of both) {
    const request = requests.get(name);
    const limit = limits.get(name);
    if (request !== undefined) usage.set(name, request).set(`requests.${name}`, request);
    if (limit !== undefined) usage.set(`limits.${name}`, limit);
  }
  for (const [name, request] of requests) {
    if (name.startsWith(hugePages)) usage.set(name, request);
    if (name.startsWith(hugePages) || isExtended(name)) usage.set(`requests.${name}`, request);
  }
  return usage;
}

export class PodEvaluator implements QuotaEvaluator {
  handles({ operation, subresource, object, oldObject }: QuotaWrite): boolean {
    if (subresource === "resize") return operation === "UPDATE";
    if (subresource !== "") return false;
    if (operation !== "UPDATE") return operation === "CREATE";
    // It moves from one scope to another.
    return isTerminating(object as Pod) !== isTerminating(oldObject as Pod);
  }

  usage(object: AnyObject, nowMs: number): Usage {
    const pod = object as Pod;
    const { spec, status } = pod;
    if (spec === undefined || !isQuotaPod(pod, nowMs)) return new Map([[countName, one]]);
    const options = { withOverhead: true, status };
    const usage = computeUsage(podAmounts(spec, "requests", options), podAmounts(spec, "limits", options));
    return usage.set(countName, one);
  }

  measures(name: string): boolean {
    const isHuge = name.startsWith(hugePages) || name.startsWith(`requests.${hugePages}`);
    return names.has(name) || isHuge || isExtendedQuota(name);
  }

  missing(limited: readonly string[], object: AnyObject): string | undefined {
    const { spec } = object as Pod;
    if (spec === undefined || saysForPod(spec)) return undefined;
    const containers = [...spec.containers, ...(spec.initContainers ?? [])];
    const wanted = limited.filter((name) => demanded.has(name)).toSorted();
    const faults = wanted.flatMap((name) => {
      const silent = containers.filter((container) => !says(container).has(name));
      const who = [...new Set(silent.map((container) => container.name))].toSorted();
      return who.length === 0 ? [] : [`${name} for: ${who.join(",")}`];
    });
    return faults.length === 0 ? undefined : `must specify ${faults.join("; ")}`;
  }

  isInScope(scope: ScopedResourceSelectorRequirement, object: AnyObject): boolean {
    const pod = object as Pod;
    switch (scope.scopeName) {
      case "Terminating":
        return isTerminating(pod);
      case "NotTerminating":
        return !isTerminating(pod);
      case "BestEffort":
        return qosClassOf(pod) === "BestEffort";
      case "NotBestEffort":
        return qosClassOf(pod) !== "BestEffort";
      case "PriorityClass":
        return selects(scope, nonEmpty(pod.spec?.priorityClassName));
      case "CrossNamespacePodAffinity":
        return reachesOtherNamespaces(pod.spec);
      default:
        return false;
    }
  }
}

const says = ({ resources }: Container): Usage =>
  computeUsage(amountsOf(resources?.requests), amountsOf(resources?.limits));

/** What the pod as a whole says goes for its containers. */
const saysForPod = ({ resources }: PodSpec): boolean =>
  Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0;

const nonEmpty = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

function reachesOtherNamespaces(spec: PodSpec | undefined): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const terms: readonly PodAffinityTerm[] = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      ({ podAffinityTerm }) => podAffinityTerm,
    ),
  ]);
  return terms.some(
    ({ namespaces, namespaceSelector }) => (namespaces ?? []).length > 0 || namespaceSelector !== undefined,
  );
}
