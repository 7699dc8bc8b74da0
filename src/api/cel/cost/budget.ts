/** What evaluations may cost. upstream: apiserver/pkg/apis/cel/config.go, apiextensions-apiserver/pkg/apis/apiextensions/validation */

/** One evaluation of one expression. */
export const perCallLimit = 1_000_000;
/** The worst that rules of a CustomResourceDefinition may be estimated to cost: one, and all of a schema together. */
export const staticLimits = { rule: 10_000_000, schema: 100_000_000 };

/** Why a rule isn't taken; undefined where it is. `name`: "estimated rule cost". */
export function costFault(name: string, cost: number, limit: number): string | undefined {
  if (cost <= limit) return undefined;
  const factor = cost / limit;
  const shown = factor > 100 ? "more than 100x" : `${factor < 1.5 ? factor.toFixed(6) : factor.toFixed(1)}x`;
  return `${name} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

export class CostLimitError extends Error {
  override readonly name = "CostLimitError";
  readonly code = "CEL_COST";
  constructor() {
    super("operation cancelled: actual cost limit exceeded");
  }
}

/** Go's uint64: sums and products of estimates end here. */
export const costMax = 2 ** 64;

/** Characters of text per unit. */
export const textFactor = 0.1;
export const regexFactor = 0.25;
export const listCost = 10;
export const mapCost = 30;
export const structCost = 40;
