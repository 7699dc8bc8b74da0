/** What this server serves itself is available from the start. upstream: kube-aggregator/pkg/registry/apiservice/strategy.go */
import type { AnyObject } from "#api/meta/object.ts";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import { DelegatingStrategy, type StrategyContext } from "../strategy.ts";

export class ApiServiceStrategy extends DelegatingStrategy {
  override prepareForCreate(object: AnyObject, context: StrategyContext): void {
    super.prepareForCreate(object, context);
    const service = object as AnyObject & APIService;
    if (service.spec?.service !== undefined) return;
    service.status = {
      conditions: [
        {
          type: "Available",
          status: "True",
          lastTransitionTime: context.now,
          reason: "Local",
          message: "Local APIServices are always available",
        },
      ],
    };
  }
}
