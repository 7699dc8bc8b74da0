/** componentstatuses: long deprecated, still asked for by old tools. upstream: pkg/registry/core/componentstatus */
import type { AnyObject } from "#api/meta/object.ts";
import { notFoundError } from "#api/meta/status.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import type { VirtualRoutes } from "./install.ts";
import { parsePlainSelection } from "./selection.ts";

export interface ComponentProbe {
  /** "etcd-0", "scheduler", "controller-manager" */
  readonly name: string;
  /** Undefined: healthy. */
  check(): Promise<string | undefined>;
}

export function componentStatuses(
  definition: ResourceDefinition,
  probes: readonly ComponentProbe[],
): VirtualRoutes {
  const look = async (probe: ComponentProbe): Promise<AnyObject> => {
    const fault = await probe.check();
    return {
      kind: "ComponentStatus",
      apiVersion: "v1",
      metadata: { name: probe.name },
      conditions: [
        {
          type: "Healthy",
          status: fault === undefined ? "True" : "False",
          message: fault === undefined ? "ok" : "",
          ...(fault === undefined ? {} : { error: fault }),
        },
      ],
    };
  };
  return {
    list: async (call) => {
      call.warn("v1 ComponentStatus is deprecated in v1.19+");
      const matches = parsePlainSelection(definition, {
        labelSelector: call.query.get("labelSelector") ?? "",
        fieldSelector: call.query.get("fieldSelector") ?? "",
      });
      const items = (await Promise.all(probes.map(look))).filter(matches);
      return {
        kind: "object",
        status: 200,
        object: { kind: "ComponentStatusList", apiVersion: "v1", metadata: {}, items },
      };
    },
    get: async (call, { name }) => {
      call.warn("v1 ComponentStatus is deprecated in v1.19+");
      const probe = probes.find((each) => each.name === name);
      if (probe === undefined) throw notFoundError({ group: "", resource: "componentstatus", name });
      return { kind: "object", status: 200, object: await look(probe) };
    },
  };
}
