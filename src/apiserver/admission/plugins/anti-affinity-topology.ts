/** Pods may keep others away from their node, and from nothing larger. upstream: plugin/pkg/admission/antiaffinity/admission.go */
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { refuse } from "../refuse.ts";

const hostname = "kubernetes.io/hostname";

export class LimitPodHardAntiAffinityTopology implements AdmissionPlugin {
  readonly name = "LimitPodHardAntiAffinityTopology";
  readonly resources = ["pods"];

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    if (attributes.subresource !== "") return undefined;
    const { spec } = attributes.object as Pod;
    const terms = spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const wide = terms.find(({ topologyKey }) => topologyKey !== hostname);
    if (wide === undefined) return undefined;
    return Promise.reject(
      refuse(
        attributes,
        `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${wide.topologyKey} but only key ${hostname} is allowed`,
      ),
    );
  }
}
