/** What a runtime class says of nodes, tolerations and overhead goes for its pods. upstream: plugin/pkg/admission/runtimeclass/admission.go */
import { ownValue } from "#base/own-value.ts";
import type { Pod, PodSpec } from "#api/generated/types/core-v1.ts";
import type { RuntimeClass } from "#api/generated/types/node-v1.ts";
import { compareQuantities, quantityOf } from "#api/meta/quantity.ts";
import { runtimeClasses } from "#api/resources.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { concerns, refuse } from "../refuse.ts";
import { mergedTolerations } from "./tolerations.ts";

type Resources = Readonly<Record<string, string>>;

export class RuntimeClassPlugin implements AdmissionPlugin {
  readonly name = "RuntimeClass";
  readonly resources = ["pods"];
  readonly #classes: Lookup<RuntimeClass>;

  constructor(deps: LookupDeps) {
    this.#classes = new Lookup(runtimeClasses, deps);
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE";
  }

  admit(attributes: AdmissionAttributes): Promise<void> | undefined {
    if (!concerns(attributes, "pods") || attributes.subresource !== "") return undefined;
    const { spec } = attributes.object as Pod;
    return spec?.runtimeClassName === undefined ? undefined : this.#apply(attributes, spec);
  }

  async #apply(attributes: AdmissionAttributes, spec: PodSpec): Promise<void> {
    const runtimeClass = await this.#classOf(attributes, spec);
    if (runtimeClass === undefined) return;
    setOverhead(attributes, spec, runtimeClass);
    setScheduling(attributes, spec, runtimeClass);
  }

  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    if (!concerns(attributes, "pods") || attributes.subresource !== "") return undefined;
    const { spec } = attributes.object as Pod;
    const isPlain = spec?.runtimeClassName === undefined && !isSet(spec?.overhead);
    return isPlain ? undefined : this.#judge(attributes, spec);
  }

  async #judge(attributes: AdmissionAttributes, spec: Pod["spec"]): Promise<void> {
    const runtimeClass = await this.#classOf(attributes, spec);
    if (!isSet(spec?.overhead)) return;
    if (runtimeClass?.overhead === undefined) {
      throw refuse(
        attributes,
        "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
      );
    }
    if (!isSameAmount(spec?.overhead, runtimeClass.overhead.podFixed)) throw mismatch(attributes);
  }

  async #classOf(attributes: AdmissionAttributes, spec: Pod["spec"]): Promise<RuntimeClass | undefined> {
    const name = spec?.runtimeClassName;
    if (name === undefined) return undefined;
    const found = await this.#classes.get(name);
    if (found !== undefined) return found;
    throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  }
}

function setOverhead(attributes: AdmissionAttributes, spec: PodSpec, { overhead }: RuntimeClass): void {
  if (overhead === undefined) return;
  if (isSet(spec.overhead) && !isSameAmount(spec.overhead, overhead.podFixed)) throw mismatch(attributes);
  spec.overhead = { ...overhead.podFixed };
}

function setScheduling(attributes: AdmissionAttributes, spec: PodSpec, { scheduling }: RuntimeClass): void {
  const { nodeSelector, tolerations } = scheduling ?? {};
  for (const [key, value] of Object.entries(nodeSelector ?? {})) {
    const own = ownValue(spec.nodeSelector, key);
    if (own === undefined || own === value) continue;
    throw refuse(
      attributes,
      `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
    );
  }
  if (nodeSelector !== undefined) spec.nodeSelector = { ...spec.nodeSelector, ...nodeSelector };
  if (tolerations !== undefined) spec.tolerations = mergedTolerations(spec.tolerations ?? [], tolerations);
}

const mismatch = (attributes: AdmissionAttributes): Error =>
  refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");

const isSet = (resources: Resources | undefined): boolean => Object.keys(resources ?? {}).length > 0;

function isSameAmount(a: Resources = {}, b: Resources = {}): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every(
    (name) =>
      Object.hasOwn(a, name) &&
      Object.hasOwn(b, name) &&
      compareQuantities(quantityOf(a[name]), quantityOf(b[name])) === 0,
  );
}
