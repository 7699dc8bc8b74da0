/** Lists of quantities by resource name. upstream: SetDefaults_ResourceList */
import {
  formatQuantity,
  parseQuantity,
  quantityMilli,
  quantityOfMilli,
  QuantityError,
} from "../meta/quantity.ts";

export type ResourceList = Record<string, string>;

const milliInNanos = 1_000_000n;

function roundedToMilli(text: string): string {
  try {
    const quantity = parseQuantity(text);
    if (quantity.nano % milliInNanos === 0n) return formatQuantity(quantity);
    return formatQuantity({ ...quantityOfMilli(quantityMilli(quantity)), format: quantity.format });
  } catch (error) {
    // Validation names the fault with its field; here nobody could.
    if (error instanceof QuantityError) return text;
    throw error;
  }
}

/** Every quantity in canonical form, and no finer than a thousandth: rounded up. */
export function roundResources(list: ResourceList | undefined): void {
  if (list === undefined) return;
  for (const [name, value] of Object.entries(list)) list[name] = roundedToMilli(value);
}

/** The entries of `from` that `into` lacks. */
export function fillResources(into: ResourceList | undefined, from: ResourceList | undefined): ResourceList {
  return { ...from, ...into };
}
