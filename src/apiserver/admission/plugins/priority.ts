/** Turns a pod's priority class into numbers the scheduler works with. upstream: plugin/pkg/admission/priority/admission.go */
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { PriorityClass } from "#api/generated/types/scheduling-v1.ts";
import { priorityClasses } from "#api/resources.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { concerns, refuse } from "../refuse.ts";

interface Resolved {
  readonly className: string;
  readonly value: number;
  readonly preemptionPolicy: string | undefined;
}

/** Of a pod that names no class in a cluster that has no default class. */
const plain: Resolved = { className: "", value: 0, preemptionPolicy: "PreemptLowerPriority" };

export class Priority implements AdmissionPlugin {
  readonly name = "Priority";
  readonly resources = ["pods", "priorityclasses.scheduling.k8s.io"];
  readonly #classes: Lookup<PriorityClass>;

  constructor(deps: LookupDeps) {
    this.#classes = new Lookup(priorityClasses, deps);
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (!concerns(attributes, "pods") || attributes.subresource !== "") return;
    const pod = attributes.object as Pod;
    if (pod.spec === undefined) return;
    if (attributes.operation === "UPDATE") keepPriority(pod.spec, (attributes.oldObject as Pod).spec);
    else await this.#setPriority(attributes, pod.spec);
  }

  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    if (!concerns(attributes, "priorityclasses.scheduling.k8s.io") || attributes.subresource !== "") {
      return undefined;
    }
    return this.#judgeClass(attributes);
  }

  async #judgeClass(attributes: AdmissionAttributes): Promise<void> {
    const priorityClass = attributes.object as unknown as PriorityClass;
    if (priorityClass.globalDefault !== true) return;
    const existing = this.#defaultClass();
    if (existing === undefined || existing.metadata?.name === priorityClass.metadata?.name) return;
    throw refuse(
      attributes,
      `PriorityClass ${existing.metadata?.name ?? ""} is already marked as default. Only one default can exist`,
    );
  }

  async #setPriority(attributes: AdmissionAttributes, spec: NonNullable<Pod["spec"]>): Promise<void> {
    const resolved = await this.#resolve(attributes, spec.priorityClassName ?? "");
    if (spec.priority !== undefined && spec.priority !== resolved.value) {
      throw refuse(
        attributes,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${resolved.value} from the given PriorityClass name`,
      );
    }
    if (resolved.className !== "") spec.priorityClassName = resolved.className;
    spec.priority = resolved.value;
    const policy = resolved.preemptionPolicy;
    if (policy === undefined) return;
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
      throw refuse(
        attributes,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
      );
    }
    spec.preemptionPolicy = policy;
  }

  async #resolve(attributes: AdmissionAttributes, className: string): Promise<Resolved> {
    const found = className === "" ? this.#defaultClass() : await this.#classes.get(className);
    if (found === undefined) {
      if (className === "") return plain;
      throw refuse(attributes, `no PriorityClass with name ${className} was found`);
    }
    return {
      className: found.metadata?.name ?? "",
      value: found.value,
      preemptionPolicy: found.preemptionPolicy,
    };
  }

  /** The lowest, should there be several. */
  #defaultClass(): PriorityClass | undefined {
    return this.#classes.lister
      .list()
      .filter(({ globalDefault }) => globalDefault === true)
      .toSorted((a, b) => a.value - b.value)[0];
  }
}

/** A client that leaves the numbers out of an update doesn't mean to change them. */
function keepPriority(spec: NonNullable<Pod["spec"]>, old: Pod["spec"]): void {
  if (spec.priority === undefined && old?.priority !== undefined) spec.priority = old.priority;
  if (spec.preemptionPolicy === undefined && old?.preemptionPolicy !== undefined) {
    spec.preemptionPolicy = old.preemptionPolicy;
  }
}
