/** A new node takes no pods before it has reported that it is ready. upstream: plugin/pkg/admission/nodetaint/admission.go */
import type { Node } from "#api/generated/types/core-v1.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { concerns } from "../refuse.ts";

const notReady = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };

export class TaintNodesByCondition implements AdmissionPlugin {
  readonly name = "TaintNodesByCondition";
  readonly resources = ["nodes"];

  handles(operation: Operation): boolean {
    return operation === "CREATE";
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (!concerns(attributes, "nodes") || attributes.subresource !== "") return;
    const node = attributes.object as Node;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return;
    node.spec = { ...node.spec, taints: [...taints, { ...notReady }] };
  }
}
