/** Lists of quantities by quota name. upstream: apiserver/pkg/quota/v1/resources.go */
import {
  addQuantities,
  formatQuantity,
  quantityOf,
  subtractQuantities,
  zeroQuantity,
  type Quantity,
} from "../meta/quantity.ts";
import type { Usage } from "./evaluator.ts";

export const usageOf = (list: Readonly<Record<string, string>> | undefined): Map<string, Quantity> =>
  new Map(Object.entries(list ?? {}).map(([name, text]) => [name, quantityOf(text)]));

export const listOf = (usage: Usage): Record<string, string> =>
  Object.fromEntries([...usage].map(([name, amount]) => [name, formatQuantity(amount)]));

export function sumOfUsages(a: Usage, b: Usage): Map<string, Quantity> {
  const sum = new Map(a);
  for (const [name, amount] of b) sum.set(name, addQuantities(sum.get(name) ?? zeroQuantity, amount));
  return sum;
}

/** What `a` has more than `b`; less than nothing counts as nothing. */
export function growth(a: Usage, b: Usage): Map<string, Quantity> {
  return new Map(
    [...a].map(([name, amount]) => {
      const more = subtractQuantities(amount, b.get(name) ?? zeroQuantity);
      return [name, more.nano < 0n ? zeroQuantity : more];
    }),
  );
}

export const onlyNames = (usage: Usage, isWanted: (name: string) => boolean): Map<string, Quantity> =>
  new Map([...usage].filter(([name]) => isWanted(name)));

export const isSameUsage = (a: Usage, b: Usage): boolean =>
  a.size === b.size && [...a].every(([name, amount]) => b.get(name)?.nano === amount.nano);

/** "pods=1,requests.cpu=500m" */
export const usageText = (usage: Usage): string =>
  [...usage]
    .map(([name, amount]) => `${name}=${formatQuantity(amount)}`)
    .toSorted()
    .join(",");
