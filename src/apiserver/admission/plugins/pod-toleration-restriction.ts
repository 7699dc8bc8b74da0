/** Pods tolerate what their namespace says, and no more than it allows. upstream: plugin/pkg/admission/podtolerationrestriction/admission.go */
import { qosClassOf } from "#api/core/qos.ts";
import type { Namespace, Pod, Toleration } from "#api/generated/types/core-v1.ts";
import { internalError, notFoundError, unexplainedError } from "#api/meta/status.ts";
import { namespaces } from "#api/resources.ts";
import { errorText } from "#base/log.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { mergedTolerations, WidestTolerations } from "./tolerations.ts";

/** Of the cluster, for namespaces that don't say. */
export interface TolerationSettings {
  readonly default?: readonly Toleration[] | undefined;
  /** Empty: everything is allowed. */
  readonly whitelist?: readonly Toleration[] | undefined;
}

const defaultAnnotation = "scheduler.alpha.kubernetes.io/defaultTolerations";
const allowedAnnotation = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";
const underPressure: Toleration = {
  key: "node.kubernetes.io/memory-pressure",
  operator: "Exists",
  effect: "NoSchedule",
};

export class PodTolerationRestriction implements AdmissionPlugin {
  readonly name = "PodTolerationRestriction";
  readonly resources = ["pods"];
  readonly #settings: TolerationSettings;
  readonly #namespaces: Lookup<Namespace>;

  constructor(settings: TolerationSettings, deps: LookupDeps) {
    this.#settings = settings;
    this.#namespaces = new Lookup(namespaces, deps);
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    const pod = attributes.object as Pod;
    if (attributes.subresource !== "" || pod.spec === undefined) return;
    const added: Toleration[] = [];
    if (attributes.operation === "CREATE") {
      const own = await this.#listOf(attributes.namespace, defaultAnnotation);
      added.push(...(own ?? this.#settings.default ?? []));
    }
    if (qosClassOf(pod) !== "BestEffort") added.push(underPressure);
    if (added.length > 0) pod.spec.tolerations = mergedTolerations(pod.spec.tolerations ?? [], added);
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (attributes.subresource !== "") return;
    const { tolerations = [] } = (attributes.object as Pod).spec ?? {};
    if (tolerations.length === 0) return;
    const own = await this.#listOf(attributes.namespace, allowedAnnotation);
    const allowed = own ?? this.#settings.whitelist ?? [];
    if (allowed.length === 0) return;
    const widest = new WidestTolerations(allowed);
    if (tolerations.every((each) => widest.includes(each))) return;
    throw unexplainedError(
      `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${own === undefined ? "cluster" : "namespace"} whitelist`,
    );
  }

  /** Undefined: the namespace doesn't say. */
  async #listOf(name: string, annotation: string): Promise<readonly Toleration[] | undefined> {
    const namespace = await this.#namespaces.get(name);
    if (namespace === undefined) throw notFoundError({ group: "", resource: "namespaces", name });
    const text = namespace.metadata?.annotations?.[annotation];
    if (text === undefined || text === "") return text === undefined ? undefined : [];
    try {
      const list: unknown = JSON.parse(text);
      if (Array.isArray(list)) return list as Toleration[];
    } catch (error) {
      throw unexplainedError(errorText(error), { cause: error });
    }
    throw internalError(`annotation ${annotation} of namespace ${name} is no list`);
  }
}
