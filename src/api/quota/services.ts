/** How quotas measure services. upstream: pkg/quota/v1/evaluator/core/services.go */
import type { Service } from "../generated/types/core-v1.ts";
import type { AnyObject } from "../meta/object.ts";
import { quantityOfUnits } from "../meta/quantity.ts";
import type { QuotaEvaluator, QuotaWrite, Usage } from "./evaluator.ts";

const names = new Set(["count/services", "services", "services.nodeports", "services.loadbalancers"]);

export class ServiceEvaluator implements QuotaEvaluator {
  handles({ operation }: QuotaWrite): boolean {
    // An update may change the type.
    return operation === "CREATE" || operation === "UPDATE";
  }

  usage(object: AnyObject): Usage {
    const service = object as Service;
    const isBalanced = service.spec?.type === "LoadBalancer";
    return new Map(
      Object.entries({
        "count/services": 1,
        services: 1,
        "services.nodeports": nodePortsOf(service),
        "services.loadbalancers": isBalanced ? 1 : 0,
      }).map(([name, count]) => [name, quantityOfUnits(BigInt(count))]),
    );
  }

  measures(name: string): boolean {
    return names.has(name);
  }

  missing(): undefined {
    return undefined;
  }

  isInScope(): boolean {
    return false;
  }
}

/** Ports aren't assigned yet when this is asked: what counts is that they will be. */
function nodePortsOf({ spec }: Service): number {
  const ports = spec?.ports ?? [];
  if (spec?.type === "NodePort") return ports.length;
  if (spec?.type !== "LoadBalancer") return 0;
  return spec.allocateLoadBalancerNodePorts === false
    ? ports.filter(({ nodePort = 0 }) => nodePort !== 0).length
    : ports.length;
}

/** Of services that take more than a name, their type. */
export const quotaServiceType = ({ spec }: Service): string =>
  spec?.type === "NodePort" || spec?.type === "LoadBalancer" ? spec.type : "";
