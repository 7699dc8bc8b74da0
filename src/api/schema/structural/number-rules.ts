/** Bounds of numbers. upstream: kube-openapi/pkg/validation/validate/{validator,values}.go */
import { goFloat } from "./go-number.ts";
import { faultOf } from "./outcome.ts";
import type { Structural } from "./structural.ts";
import type { PartCheck } from "./validate.ts";

type Numeric = number | bigint;

export function compileNumber(schema: Structural): PartCheck<Numeric> | undefined {
  const { multipleOf, maximum, minimum, exclusiveMaximum = false, exclusiveMinimum = false } = schema;
  if (multipleOf === undefined && maximum === undefined && minimum === undefined) return undefined;
  return (given, path, outcome) => {
    outcome.checks += 1;
    const refuse = (what: string, bound: Numeric): void =>
      outcome.add(faultOf.rule(path, given, `should be ${what} ${boundText(bound)}`));
    const { value, alike } = compared(given);
    if (multipleOf !== undefined && !isMultiple(value, alike(multipleOf))) {
      refuse("a multiple of", alike(multipleOf));
    }
    if (maximum !== undefined && isAbove(value, alike(maximum), exclusiveMaximum)) {
      refuse(exclusiveMaximum ? "less than" : "less than or equal to", alike(maximum));
    }
    if (minimum !== undefined && isAbove(alike(minimum), value, exclusiveMinimum)) {
      refuse(exclusiveMinimum ? "greater than" : "greater than or equal to", alike(minimum));
    }
  };
}

/** An integer is compared, exactly, with the integer part of a bound; all else as float64s are. */
const compared = (value: Numeric): { value: Numeric; alike: (bound: number) => Numeric } =>
  typeof value === "bigint" || Number.isSafeInteger(value)
    ? { value: BigInt(value), alike: goInt64 }
    : { value, alike: (bound) => bound };

/** Of a float64 that is too large for it, the processors that Go runs on make the smallest int64. */
function goInt64(value: number): bigint {
  const whole = BigInt(Math.trunc(value));
  return BigInt.asIntN(64, whole) === whole ? whole : -(2n ** 63n);
}

const boundText = (bound: Numeric): string => (typeof bound === "bigint" ? String(bound) : goFloat(bound));

const isAbove = (value: Numeric, bound: Numeric, isExclusive: boolean): boolean =>
  isExclusive ? value >= bound : value > bound;

/** A factor that isn't positive is none. */
function isMultiple(value: Numeric, factor: Numeric): boolean {
  if (factor <= 0) return true;
  if (typeof value === "bigint" && typeof factor === "bigint") return value % factor === 0n;
  const [number, by] = [Number(value), Number(factor)];
  return Number.isInteger(by < 1 ? (1 / by) * number : number / by);
}
