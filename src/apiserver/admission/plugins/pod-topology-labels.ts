/** A pod carries the zone and region of its node. upstream: plugin/pkg/admission/podtopologylabels/admission.go */
import type { Binding, Node, Pod } from "#api/generated/types/core-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { nodes } from "#api/resources.ts";
import type { Lister } from "#client/cache/informer.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import type { LookupDeps } from "../lookup.ts";
import { concerns } from "../refuse.ts";

const topologyLabels = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

export class PodTopologyLabels implements AdmissionPlugin {
  readonly name = "PodTopologyLabels";
  readonly resources = ["pods"];
  readonly #nodes: Lister<Node>;

  constructor(deps: LookupDeps) {
    this.#nodes = deps.informers.informer(nodes).lister;
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE";
  }

  admit(attributes: AdmissionAttributes): Promise<void> | undefined {
    if (!concerns(attributes, "pods") || attributes.object === undefined) return undefined;
    if (attributes.subresource === "") {
      this.#label(attributes.object, (attributes.object as Pod).spec?.nodeName);
    } else if (attributes.subresource === "binding") {
      const { target } = attributes.object as unknown as Binding;
      // The binding's labels become the pod's.
      if (target.kind === "Node") this.#label(attributes.object, target.name);
    }
    return undefined;
  }

  #label(object: KubeObject, nodeName = ""): void {
    const labels = this.#nodes.get(nodeName)?.metadata?.labels ?? {};
    const found = topologyLabels.flatMap((key) => {
      const value = labels[key];
      return value === undefined ? [] : [[key, value] as const];
    });
    if (found.length === 0) return;
    object.metadata = {
      ...object.metadata,
      labels: { ...object.metadata?.labels, ...Object.fromEntries(found) },
    };
  }
}
