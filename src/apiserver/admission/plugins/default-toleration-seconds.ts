/** Pods stay five minutes on a node that went away, unless they say otherwise. upstream: plugin/pkg/admission/defaulttolerationseconds/admission.go */
import type { Pod, PodSpec, Toleration } from "#api/generated/types/core-v1.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { concerns } from "../refuse.ts";

const taints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

export interface DefaultTolerationSecondsOptions {
  /** 300 in upstream, by --default-{not-ready,unreachable}-toleration-seconds. */
  readonly seconds: number;
}

export class DefaultTolerationSeconds implements AdmissionPlugin {
  readonly name = "DefaultTolerationSeconds";
  readonly resources = ["pods"];
  readonly #options: DefaultTolerationSecondsOptions;

  constructor(options: DefaultTolerationSecondsOptions = { seconds: 300 }) {
    this.#options = options;
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
    const added = taints
      .filter((key) => !own.some((toleration) => tolerates(toleration, key)))
      .map((key) => ({
        key,
        operator: "Exists",
        effect: "NoExecute",
        tolerationSeconds: this.#options.seconds,
      }));
    if (added.length > 0) spec.tolerations = [...own, ...added];
  }
}

/** An empty key or effect stands for all. */
function tolerates({ key = "", effect = "" }: Toleration, taint: string): boolean {
  return (key === "" || key === taint) && (effect === "" || effect === "NoExecute");
}
