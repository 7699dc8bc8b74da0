/** The expressions in a claim, a template of claims or a class, and where they stand. */
import type {
  DeviceClass,
  DeviceSelector,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceClaimTemplate,
} from "../generated/types/resource-v1.ts";
import type { Loose } from "../meta/loose.ts";

export interface SelectorExpression {
  readonly path: string;
  readonly text: string;
}

/** Longer ones are refused anyway, and never compiled. */
export const expressionLengthMax = 10 * 1024;

const inList = (selectors: readonly Loose<DeviceSelector>[] = [], path: string): SelectorExpression[] =>
  selectors.flatMap(({ cel }, index) => {
    const text = cel === undefined ? undefined : (cel.expression ?? "");
    const isLookedAt = text !== undefined && Buffer.byteLength(text) <= expressionLengthMax;
    return isLookedAt ? [{ path: `${path}[${index}].cel.expression`, text }] : [];
  });

const inClaim = ({ devices }: Loose<ResourceClaimSpec>, path: string): SelectorExpression[] =>
  (devices?.requests ?? []).flatMap(({ exactly, firstAvailable = [] }, index) => {
    // Neither is looked at where both are there.
    if (exactly !== undefined && firstAvailable.length > 0) return [];
    const at = `${path}.devices.requests[${index}]`;
    return [
      ...inList(exactly?.selectors, `${at}.exactly.selectors`),
      ...firstAvailable.flatMap(({ selectors }, position) =>
        inList(selectors, `${at}.firstAvailable[${position}].selectors`),
      ),
    ];
  });

export const selectorsOfClass = ({ spec }: Loose<DeviceClass>): SelectorExpression[] =>
  inList(spec?.selectors, "spec.selectors");

export const selectorsOfClaim = ({ spec }: Loose<ResourceClaim>): SelectorExpression[] =>
  inClaim(spec ?? {}, "spec");

export const selectorsOfTemplate = ({ spec }: Loose<ResourceClaimTemplate>): SelectorExpression[] =>
  inClaim(spec?.spec ?? {}, "spec.spec");
