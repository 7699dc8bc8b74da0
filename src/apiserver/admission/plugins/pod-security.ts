/**
 * The pod security standards, as the labels of a namespace ask for them: pods are refused, and workloads warned of.
 * upstream: plugin/pkg/admission/security/podsecurity, pod-security-admission/admission/admission.go
 */
import type { CronJob } from "#api/generated/types/batch-v1.ts";
import type { Deployment } from "#api/generated/types/apps-v1.ts";
import type {
  Container,
  Namespace,
  Pod,
  PodTemplate,
  PodTemplateSpec,
} from "#api/generated/types/core-v1.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import { controllerOf, qualifiedResource } from "#api/meta/object.ts";
import { internalError, invalidError } from "#api/meta/status.ts";
import { namespaces, pods } from "#api/resources.ts";
import { firstBy } from "#base/first-by.ts";
import type {
  JudgedRequest,
  PodSecurityMetrics,
  PodVerdict,
} from "#apiserver/metrics/pod-security-metrics.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { refuse } from "../refuse.ts";
import type { PodLike } from "./pod-security/check.ts";
import { detailsText, reasonsText, violationsOf } from "./pod-security/evaluator.ts";
import { ignoredPolicyText, noSettings, type PodSecuritySettings } from "./pod-security/exemptions.ts";
import {
  compareLevels,
  isSameLevel,
  levelText,
  readPolicy,
  type LevelVersion,
  type ReadPolicy,
} from "./pod-security/levels.ts";

const annotationPrefix = "pod-security.kubernetes.io/";
/** Subresources that don't carry a pod. */
const otherSubresources = new Set([
  "exec",
  "attach",
  "binding",
  "eviction",
  "log",
  "portforward",
  "proxy",
  "status",
]);
const existingPodsMax = 3000;

/** Where a workload keeps the pods it makes; undefined for what makes none. */
const templates: Readonly<Record<string, (object: unknown) => PodTemplateSpec | undefined>> = {
  replicationcontrollers: (object) => (object as Deployment).spec?.template,
  podtemplates: (object) => (object as PodTemplate).template,
  "replicasets.apps": (object) => (object as Deployment).spec?.template,
  "deployments.apps": (object) => (object as Deployment).spec?.template,
  "statefulsets.apps": (object) => (object as Deployment).spec?.template,
  "daemonsets.apps": (object) => (object as Deployment).spec?.template,
  "jobs.batch": (object) => (object as Deployment).spec?.template,
  "cronjobs.batch": (object) => (object as CronJob).spec?.jobTemplate.spec?.template,
};

export class PodSecurity implements AdmissionPlugin {
  readonly name = "PodSecurity";
  readonly #namespaces: Lookup<Namespace>;
  readonly #deps: LookupDeps;
  readonly #settings: PodSecuritySettings;
  readonly #metrics: PodSecurityMetrics | undefined;

  constructor(deps: LookupDeps, settings: PodSecuritySettings = noSettings, metrics?: PodSecurityMetrics) {
    this.#deps = deps;
    this.#settings = settings;
    this.#metrics = metrics;
    this.#namespaces = new Lookup(namespaces, deps);
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const resource = qualifiedResource(attributes.gvr.group, attributes.gvr.resource);
    const { subresource } = attributes;
    if (resource === "pods") {
      if (!otherSubresources.has(subresource)) await this.#validatePod(attributes);
    } else if (subresource !== "") return;
    else if (resource === "namespaces") await this.#validateNamespace(attributes);
    else {
      const template = templates[resource]?.(attributes.object);
      if (template?.spec !== undefined) await this.#validateWorkload(attributes, podLike(template));
    }
  }

  #read(labels: Readonly<Record<string, string>> | undefined): ReadPolicy {
    return readPolicy(labels, this.#settings.defaults);
  }

  #isExempt(attributes: AdmissionAttributes): boolean {
    const { namespaces: exempt, usernames } = this.#settings.exemptions;
    const reason = exempt.has(attributes.namespace)
      ? "namespace"
      : usernames.has(attributes.user.name)
        ? "user"
        : undefined;
    if (reason !== undefined) this.#exempt(attributes, reason);
    return reason !== undefined;
  }

  #isExemptClass(attributes: AdmissionAttributes, { spec }: PodLike): boolean {
    const { runtimeClassName = "" } = spec;
    if (!this.#settings.exemptions.runtimeClasses.has(runtimeClassName)) return false;
    this.#exempt(attributes, "runtimeClass");
    return true;
  }

  #exempt(attributes: AdmissionAttributes, reason: "namespace" | "user" | "runtimeClass"): void {
    annotate(attributes, "exempt", reason);
    this.#metrics?.exempt(requestOf(attributes));
  }

  async #validatePod(attributes: AdmissionAttributes): Promise<void> {
    if (this.#isExempt(attributes)) return;
    const namespace = await this.#namespaces.get(attributes.namespace);
    if (namespace === undefined) {
      this.#metrics?.failed(requestOf(attributes), true);
      throw internalError(`failed to lookup namespace ${attributes.namespace}`);
    }
    const read = this.#read(namespace.metadata?.labels);
    if (isOpen(read)) {
      this.#metrics?.open(requestOf(attributes));
      annotate(attributes, "enforce-policy", "privileged:latest");
      return;
    }
    const { enforce } = read.policy;
    const pod = attributes.object as Pod;
    if (attributes.operation === "UPDATE" && !isSignificant(pod, attributes.oldObject as Pod)) return;
    if (this.#isExemptClass(attributes, podLike(pod))) return;
    annotate(attributes, "enforce-policy", levelText(enforce));
    const found = violationsOf(enforce, podLike(pod));
    this.#tell(attributes, "enforce", enforce, found.length === 0);
    if (found.length > 0) {
      this.#audit(attributes, read, podLike(pod));
      throw refuse(
        attributes,
        `violates PodSecurity ${JSON.stringify(levelText(enforce))}: ${detailsText(found)}`,
      );
    }
    this.#report(attributes, read, podLike(pod));
  }

  async #validateWorkload(attributes: AdmissionAttributes, pod: PodLike): Promise<void> {
    if (this.#isExempt(attributes)) return;
    const namespace = await this.#namespaces.get(attributes.namespace);
    if (namespace === undefined) {
      this.#metrics?.failed(requestOf(attributes), true);
      return;
    }
    const read = this.#read(namespace.metadata?.labels);
    if (!isQuiet(read) && !this.#isExemptClass(attributes, pod)) this.#report(attributes, read, pod);
  }

  #report(attributes: AdmissionAttributes, read: ReadPolicy, pod: PodLike): void {
    this.#audit(attributes, read, pod);
    const { warn } = read.policy;
    const found = violationsOf(warn, pod);
    if (found.length === 0) return;
    this.#tell(attributes, "warn", warn, false);
    attributes.warn(wouldViolate(warn, detailsText(found)));
  }

  #audit(attributes: AdmissionAttributes, { policy, faults }: ReadPolicy, pod: PodLike): void {
    if (faults.length > 0) {
      this.#metrics?.failed(requestOf(attributes), false);
      const texts = faults.map(fieldErrorText);
      const text = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
      annotate(attributes, "error", `Failed to parse policy: ${text}`);
    }
    const found = violationsOf(policy.audit, pod);
    if (found.length > 0) {
      this.#tell(attributes, "audit", policy.audit, false);
      annotate(attributes, "audit-violations", wouldViolate(policy.audit, detailsText(found)));
    }
  }

  #tell(
    attributes: AdmissionAttributes,
    mode: PodVerdict["mode"],
    { level, minor }: LevelVersion,
    isAllowed: boolean,
  ): void {
    this.#metrics?.judged(requestOf(attributes), { mode, level, minor, isAllowed });
  }

  async #validateNamespace(attributes: AdmissionAttributes): Promise<void> {
    const { metadata } = attributes.object as Namespace;
    const now = this.#read(metadata?.labels);
    const before =
      attributes.operation === "CREATE" ? undefined : this.#read(attributes.oldObject?.metadata?.labels);
    const isNewFault = now.faults.length > 0 && faultsText(now) !== (before && faultsText(before));
    if (isNewFault) {
      throw invalidError({ group: "", kind: "Namespace", name: attributes.name }, now.faults);
    }
    const { defaults, exemptions } = this.#settings;
    if (before !== undefined && !isStricter(now.policy.enforce, before.policy.enforce)) return;
    if (exemptions.namespaces.has(attributes.name)) {
      const ignored = ignoredPolicyText(attributes.name, metadata?.labels, now.policy, defaults);
      if (ignored !== undefined) attributes.warn(ignored);
      return;
    }
    if (before === undefined) return;
    for (const text of this.#judgeExisting(attributes.name, now.policy.enforce)) attributes.warn(text);
  }

  #judgeExisting(namespace: string, enforce: LevelVersion): readonly string[] {
    const all = representativesFirst(this.#deps.informers.informer(pods).lister.list(namespace));
    const judged = all.slice(0, existingPodsMax);
    const byReason = new Map<string, string[]>();
    for (const pod of judged) {
      const found = violationsOf(enforce, podLike(pod));
      if (found.length === 0) continue;
      const reasons = reasonsText(found);
      byReason.set(reasons, [...(byReason.get(reasons) ?? []), pod.metadata?.name ?? ""]);
    }
    const level = JSON.stringify(levelText(enforce));
    return [
      ...(judged.length < all.length
        ? [
            `new PodSecurity enforce level only checked against the first ${judged.length} of ${all.length} existing pods`,
          ]
        : []),
      ...(byReason.size > 0
        ? [
            `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${level}`,
          ]
        : []),
      ...[...byReason].map(([reasons, names]) => `${namesText(names)}: ${reasons}`).toSorted(),
    ];
  }
}

const requestOf = ({ operation, gvr, subresource }: AdmissionAttributes): JudgedRequest => ({
  operation,
  resource: gvr.resource,
  subresource,
});

const isOpen = ({ policy, faults }: ReadPolicy): boolean =>
  faults.length === 0 && Object.values(policy).every(({ level }: LevelVersion) => level === "privileged");

/** Workloads are never refused: only warnings and the audit log would tell of them. */
const isQuiet = ({ policy: { warn, audit }, faults }: ReadPolicy): boolean =>
  faults.length === 0 && warn.level === "privileged" && audit.level === "privileged";

const faultsText = ({ faults }: ReadPolicy): string => faults.map(fieldErrorText).join("\n");

const wouldViolate = (level: LevelVersion, details: string): string =>
  `would violate PodSecurity ${JSON.stringify(levelText(level))}: ${details}`;

function annotate(attributes: AdmissionAttributes, key: string, text: string): void {
  attributes.annotate(`${annotationPrefix}${key}`, text);
}

function podLike({ metadata, spec }: PodTemplateSpec | Pod): PodLike {
  return { annotations: metadata?.annotations ?? {}, spec: spec ?? { containers: [] } };
}

/** Whether pods that were good may be bad now. */
function isStricter(now: LevelVersion, before: LevelVersion): boolean {
  if (isSameLevel(now, before) || now.level === "privileged") return false;
  return now.minor !== before.minor || compareLevels(now.level, before.level) > 0;
}

/** "web (and 2 other pods)" */
function namesText(names: readonly string[]): string {
  const [first = ""] = names.toSorted();
  const others = names.length - 1;
  if (others === 0) return first;
  return `${first} (and ${others} other ${others === 1 ? "pod" : "pods"})`;
}

/** Pods of one controller are alike: one of each first. */
function representativesFirst(all: readonly Pod[]): readonly Pod[] {
  const seen = new Set<string>();
  const first: Pod[] = [];
  const rest: Pod[] = [];
  for (const pod of all) {
    const owner = controllerOf(pod)?.uid;
    if (owner !== undefined && seen.has(owner)) rest.push(pod);
    else first.push(pod);
    if (owner !== undefined) seen.add(owner);
  }
  return [...first, ...rest];
}

const seccompPod = "seccomp.security.alpha.kubernetes.io/pod";
const seccompContainer = "container.seccomp.security.alpha.kubernetes.io/";

/** Of what may change in a pod, only images, profiles and new containers matter here. */
function isSignificant(pod: Pod, old: Pod): boolean {
  if (annotationOf(pod, seccompPod) !== annotationOf(old, seccompPod)) return true;
  for (const list of ["containers", "initContainers"] as const) {
    const now: readonly Container[] = pod.spec?.[list] ?? [];
    const before: readonly Container[] = old.spec?.[list] ?? [];
    if (now.length !== before.length) return true;
    if (now.some((container, index) => differs(container, before[index], pod, old))) return true;
  }
  const before = firstBy(old.spec?.ephemeralContainers, ({ name }) => name);
  return (pod.spec?.ephemeralContainers ?? []).some((container) =>
    differs(container, before.get(container.name), pod, old),
  );
}

function differs(container: Container, before: Container | undefined, pod: Pod, old: Pod): boolean {
  const key = `${seccompContainer}${container.name}`;
  return container.image !== before?.image || annotationOf(pod, key) !== annotationOf(old, key);
}

const annotationOf = ({ metadata }: Pod, key: string): string | undefined => metadata?.annotations?.[key];
