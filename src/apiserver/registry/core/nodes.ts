/**
 * What is special about nodes: fields whose feature is gone, or isn't there yet, are dropped where the stored node has
 * none of them. upstream: pkg/registry/core/node/strategy.go (dropDisabledFields)
 */
import type { Node } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { DelegatingStrategy, type StrategyContext } from "../strategy.ts";

function dropDisabled(object: AnyObject, old: AnyObject | undefined): void {
  const { spec, status } = object as Node;
  const before = old as Node | undefined;
  if (spec !== undefined && before?.spec?.configSource === undefined) delete spec.configSource;
  if (status === undefined) return;
  if (before?.status?.config === undefined) delete status.config;
  if (before?.status?.declaredFeatures === undefined) delete status.declaredFeatures;
}

export class NodeStrategy extends DelegatingStrategy {
  override prepareForCreate(object: AnyObject, context: StrategyContext): void {
    super.prepareForCreate(object, context);
    dropDisabled(object, undefined);
  }

  override prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    super.prepareForUpdate(object, old, context);
    dropDisabled(object, old);
  }
}

export class NodeStatusStrategy extends DelegatingStrategy {
  override prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    super.prepareForUpdate(object, old, context);
    dropDisabled(object, old);
  }
}
