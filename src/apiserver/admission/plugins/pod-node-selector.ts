/** Pods go to the nodes of their namespace, and ask for no others. upstream: plugin/pkg/admission/podnodeselector/admission.go */
import type { Namespace, Pod } from "#api/generated/types/core-v1.ts";
import { labelValueFaults, qualifiedNameFaults } from "#api/meta/names.ts";
import { forbiddenError, internalError, unexplainedError } from "#api/meta/status.ts";
import { namespaces } from "#api/resources.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";

/** By namespace which labels its pods may ask for, as "a=b,c=d"; and what those of others get. */
export type NodeSelectors = Readonly<Record<string, string>>;

const annotation = "scheduler.alpha.kubernetes.io/node-selector";
const clusterDefault = "clusterDefaultNodeSelector";

export class PodNodeSelector implements AdmissionPlugin {
  readonly name = "PodNodeSelector";
  readonly resources = ["pods"];
  readonly #selectors: NodeSelectors;
  readonly #namespaces: Lookup<Namespace>;

  constructor(selectors: NodeSelectors, deps: LookupDeps) {
    this.#selectors = selectors;
    this.#namespaces = new Lookup(namespaces, deps);
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE";
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (attributes.subresource !== "") return;
    const pod = attributes.object as Pod;
    const selector = await this.#selectorOf(attributes.namespace);
    refuseConflict(pod, selector);
    if (pod.spec === undefined || Object.keys(selector).length === 0) return;
    pod.spec.nodeSelector = { ...selector, ...pod.spec.nodeSelector };
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (attributes.subresource !== "") return;
    const pod = attributes.object as Pod;
    refuseConflict(pod, await this.#selectorOf(attributes.namespace));
    const allowed = labelsOf(this.#own(attributes.namespace));
    if (Object.keys(allowed).length === 0) return;
    const isAllowed = Object.entries(pod.spec?.nodeSelector ?? {}).every(
      ([key, value]) => Object.hasOwn(allowed, key) && allowed[key] === value,
    );
    if (!isAllowed) {
      throw refusal(pod, "pod node label selector labels conflict with its namespace whitelist");
    }
  }

  async #selectorOf(name: string): Promise<NodeSelectors> {
    const namespace = await this.#namespaces.get(name);
    if (namespace === undefined) throw internalError(`namespace ${name} does not exist`);
    return labelsOf(namespace.metadata?.annotations?.[annotation] ?? this.#own(clusterDefault));
  }

  #own(name: string): string {
    return Object.hasOwn(this.#selectors, name) ? (this.#selectors[name] ?? "") : "";
  }
}

function refuseConflict(pod: Pod, selector: NodeSelectors): void {
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) {
    if (!Object.hasOwn(selector, key) || selector[key] === value) continue;
    throw refusal(pod, "pod node label selector conflicts with its namespace node label selector");
  }
}

const refusal = ({ metadata }: Pod, why: string): Error =>
  forbiddenError({ group: "", resource: "pods", name: metadata?.name ?? "" }, why);

/** "a=b,c=d". Throws StatusError 500 for another text. */
function labelsOf(text: string): NodeSelectors {
  if (text === "") return {};
  return Object.fromEntries(
    text.split(",").map((label) => {
      const parts = label.split("=");
      if (parts.length !== 2) throw unexplainedError(`invalid selector: [${parts.join(" ")}]`);
      const [key = "", value = ""] = parts.map((part) => part.trim());
      const faults = [...qualifiedNameFaults(key), ...labelValueFaults(value)];
      if (faults.length > 0) throw unexplainedError(`invalid selector: ${label}: ${faults.join("; ")}`);
      return [key, value];
    }),
  );
}
