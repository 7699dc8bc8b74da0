/** Defaults and bounds that a namespace's limit ranges set for what pods and claims ask for. upstream: plugin/pkg/admission/limitranger/admission.go */
import type { Container, LimitRange, PersistentVolumeClaim, Pod } from "#api/generated/types/core-v1.ts";
import { limitRanges } from "#api/resources.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import type { LookupDeps } from "../lookup.ts";
import { concerns, refuse } from "../refuse.ts";
import { claimFaults, podFaults } from "./limit-range-rules.ts";

const annotation = "kubernetes.io/limit-ranger";

export class LimitRanger implements AdmissionPlugin {
  readonly name = "LimitRanger";
  readonly resources = ["pods", "persistentvolumeclaims"];
  readonly #deps: LookupDeps;

  constructor(deps: LookupDeps) {
    this.#deps = deps;
    deps.informers.informer(limitRanges);
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  admit(attributes: AdmissionAttributes): Promise<void> | undefined {
    if (!concerns(attributes, "pods") || attributes.subresource !== "") return undefined;
    return this.#isFree(attributes) ? undefined : this.#default(attributes);
  }

  async #default(attributes: AdmissionAttributes): Promise<void> {
    for (const range of await this.#ranges(attributes.namespace)) {
      fillDefaults(attributes.object as Pod, range);
    }
  }

  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    return this.#isFree(attributes) ? undefined : this.#judge(attributes);
  }

  #isFree(attributes: AdmissionAttributes): boolean {
    if (!isSubject(attributes)) return true;
    const informer = this.#deps.informers.informer(limitRanges);
    return informer.hasSynced && informer.lister.list(attributes.namespace).length === 0;
  }

  async #judge(attributes: AdmissionAttributes): Promise<void> {
    for (const range of await this.#ranges(attributes.namespace)) {
      const faults = concerns(attributes, "pods")
        ? podFaults(range, attributes.object as Pod)
        : claimFaults(range, attributes.object as PersistentVolumeClaim);
      const texts = [...new Set(faults)];
      if (texts.length > 0) {
        throw refuse(attributes, texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`);
      }
    }
  }

  /** In a namespace without any the cache may just be late: then the server is asked. */
  async #ranges(namespace: string): Promise<readonly LimitRange[]> {
    const informer = this.#deps.informers.informer(limitRanges);
    const cached = informer.lister.list(namespace);
    if (cached.length > 0 || informer.hasSynced) return cached;
    return (await this.#deps.client.resource(limitRanges, namespace).list()).items;
  }
}

/** A pod's resources can't change but by /resize; what is being deleted is left in peace. */
function isSubject(attributes: AdmissionAttributes): boolean {
  const { operation, subresource, oldObject } = attributes;
  if (oldObject?.metadata?.deletionTimestamp !== undefined) return false;
  if (concerns(attributes, "pods")) {
    return subresource === "resize" || (subresource === "" && operation === "CREATE");
  }
  return concerns(attributes, "persistentvolumeclaims") && subresource === "";
}

interface Defaults {
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
}

function fillDefaults(pod: Pod, { spec }: LimitRange): void {
  const ofContainers = (spec?.limits ?? []).filter(({ type }) => type === "Container");
  const defaults: Defaults = {
    requests: Object.assign(
      {},
      ...ofContainers.map(({ defaultRequest }) => defaultRequest),
    ) as Defaults["requests"],
    limits: Object.assign({}, ...ofContainers.map((limit) => limit.default)) as Defaults["limits"],
  };
  const texts = [
    ...(pod.spec?.containers ?? []).flatMap((container) => fillContainer(container, "container", defaults)),
    ...(pod.spec?.initContainers ?? []).flatMap((container) =>
      fillContainer(container, "init container", defaults),
    ),
  ];
  if (texts.length === 0) return;
  const metadata = (pod.metadata ??= {});
  metadata.annotations = {
    ...metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${texts.join("; ")}`,
  };
}

/** What was set, in words. */
function fillContainer(container: Container, kind: string, defaults: Defaults): string[] {
  return (["requests", "limits"] as const).flatMap((list) => {
    const own = container.resources?.[list];
    const missing = Object.entries(defaults[list]).filter(([name]) => own?.[name] === undefined);
    if (missing.length === 0) return [];
    container.resources = { ...container.resources, [list]: { ...own, ...Object.fromEntries(missing) } };
    const names = missing.map(([name]) => name).toSorted();
    return [`${names.join(", ")} ${list === "requests" ? "request" : "limit"} for ${kind} ${container.name}`];
  });
}
