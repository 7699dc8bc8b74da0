/** Who asks for a device tolerates the nodes that are kept for it. upstream: plugin/pkg/admission/extendedresourcetoleration/admission.go */
import { isExtendedResource } from "#api/core/resource-validation.ts";
import type { Pod, PodSpec, Toleration } from "#api/generated/types/core-v1.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";

export class ExtendedResourceToleration implements AdmissionPlugin {
  readonly name = "ExtendedResourceToleration";
  readonly resources = ["pods"];

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  admit(attributes: AdmissionAttributes): Promise<void> | undefined {
    const { spec } = attributes.object as Pod;
    if (attributes.subresource !== "" || spec === undefined) return undefined;
    const tolerated = new Set((spec.tolerations ?? []).filter(isOfDevice).map(({ key }) => key));
    const missing = devicesOf(spec)
      .filter((key) => !tolerated.has(key))
      .map((key): Toleration => ({ key, operator: "Exists", effect: "NoSchedule" }));
    if (missing.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...missing];
    return undefined;
  }
}

function devicesOf({ containers, initContainers = [] }: PodSpec): readonly string[] {
  const names = [...containers, ...initContainers].flatMap(({ resources }) =>
    Object.keys(resources?.requests ?? {}).filter(isExtendedResource),
  );
  return [...new Set(names)].toSorted();
}

/** What this plugin adds for a device, or the same by somebody else. */
const isOfDevice = ({ operator, effect, value = "" }: Toleration): boolean =>
  operator === "Exists" && effect === "NoSchedule" && value === "";
