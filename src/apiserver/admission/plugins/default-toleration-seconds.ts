/** Pods stay some minutes on a node that went away, unless they say otherwise. upstream: plugin/pkg/admission/defaulttolerationseconds/admission.go */
import type { Pod, PodSpec, Toleration } from "#api/generated/types/core-v1.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { concerns } from "../refuse.ts";

export interface DefaultTolerations {
  /** --default-not-ready-toleration-seconds */
  readonly notReadySeconds: number;
  /** --default-unreachable-toleration-seconds */
  readonly unreachableSeconds: number;
}

export const defaultTolerations: DefaultTolerations = { notReadySeconds: 300, unreachableSeconds: 300 };

export class DefaultTolerationSeconds implements AdmissionPlugin {
  readonly name = "DefaultTolerationSeconds";
  readonly resources = ["pods"];
  readonly #seconds: readonly (readonly [taint: string, seconds: number])[];

  constructor({ notReadySeconds, unreachableSeconds }: DefaultTolerations = defaultTolerations) {
    this.#seconds = [
      ["node.kubernetes.io/not-ready", notReadySeconds],
      ["node.kubernetes.io/unreachable", unreachableSeconds],
    ];
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  admit(attributes: AdmissionAttributes): Promise<void> | undefined {
    if (!concerns(attributes, "pods") || attributes.subresource !== "") return undefined;
    const { spec } = attributes.object as Pod;
    if (spec !== undefined) this.#tolerate(spec);
    return undefined;
  }

  #tolerate(spec: PodSpec): void {
    const own = spec.tolerations ?? [];
    const added = this.#seconds
      .filter(([key]) => !own.some((toleration) => tolerates(toleration, key)))
      .map(([key, tolerationSeconds]) => ({
        key,
        operator: "Exists",
        effect: "NoExecute",
        tolerationSeconds,
      }));
    if (added.length > 0) spec.tolerations = [...own, ...added];
  }
}

/** An empty key or effect stands for all. */
function tolerates({ key = "", effect = "" }: Toleration, taint: string): boolean {
  return (key === "" || key === taint) && (effect === "" || effect === "NoExecute");
}
