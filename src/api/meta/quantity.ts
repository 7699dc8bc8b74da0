/**
 * Quantities ("500m", "1Gi", "1e3"), exact: nano units in a bigint.
 * upstream: apimachinery/pkg/api/resource/quantity.go
 */

export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

export interface Quantity {
  /** The amount in units of 10^-9: the finest the API knows; anything finer was rounded away from zero. */
  readonly nano: bigint;
  readonly format: QuantityFormat;
  /** The text it was read from, where upstream keeps that text instead of the canonical one ("1.500"). */
  readonly text?: string | undefined;
}

export class QuantityError extends Error {
  override readonly name = "QuantityError";
  readonly code = "QUANTITY";
}

const formatWrong =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const suffixWrong = "unable to parse quantity's suffix";
const numberWrong = "unable to parse numeric part of quantity";

const nanoDigits = 9;
const unit = 10n ** 9n;
/** Binary amounts are capped at the largest int64, as upstream does. */
const binaryMax = (2n ** 63n - 1n) * unit;
/** A text like "1e999999999" would otherwise take all memory. */
const exponentMax = 100;
/** Upstream's fast path, the only one that keeps the text, takes this many digits. */
const exactDigitsMax = 18;

const decimalExponents: ReadonlyMap<string, number> = new Map([
  ["n", -9],
  ["u", -6],
  ["m", -3],
  ["", 0],
  ["k", 3],
  ["M", 6],
  ["G", 9],
  ["T", 12],
  ["P", 15],
  ["E", 18],
]);
const decimalSuffixes: ReadonlyMap<number, string> = new Map(
  [...decimalExponents].map(([suffix, exponent]) => [exponent, suffix]),
);
const binarySuffixes: readonly string[] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

interface Suffix {
  readonly base: 2 | 10;
  readonly exponent: number;
  readonly format: QuantityFormat;
}

function interpretSuffix(suffix: string): Suffix {
  const decimal = decimalExponents.get(suffix);
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: "DecimalSI" };
  const binary = binarySuffixes.indexOf(suffix);
  if (binary > 0) return { base: 2, exponent: binary * 10, format: "BinarySI" };
  const [, exponentText] = /^[eE]([+-]?\d+)$/.exec(suffix) ?? [];
  const exponent = Number(exponentText);
  if (exponentText === undefined || Math.abs(exponent) > exponentMax) throw new QuantityError(suffixWrong);
  return { base: 10, exponent, format: "DecimalExponent" };
}

/** value / 10^digits, rounded away from zero. */
function shrink(value: bigint, digits: number): bigint {
  const divisor = 10n ** BigInt(digits);
  const quotient = value / divisor;
  return value % divisor === 0n ? quotient : quotient + (value < 0n ? -1n : 1n);
}

function scaled(value: bigint, digits: number): bigint {
  return digits >= 0 ? value * 10n ** BigInt(digits) : shrink(value, -digits);
}

/** Whether upstream would keep the text it read rather than write the canonical one. */
function keepsText(whole: string, fraction: string, { base, exponent }: Suffix): boolean {
  const digits = whole + fraction;
  if (base === 2) {
    const precision = 15 - whole.length - Math.trunc((exponent * 3) / 10) - 1;
    return fraction === "" && precision >= 0 && (BigInt(digits) & 7n) !== 0n;
  }
  const scale = exponent - fraction.length;
  if (digits.length > exactDigitsMax || scale < -nanoDigits) return false;
  return scale % 3 === 0 && !digits.endsWith("000") && !digits.startsWith("0");
}

interface Parts {
  readonly negative: boolean;
  /** Without leading zeros, but never empty. */
  readonly whole: string;
  readonly fraction: string;
  readonly suffix: Suffix;
}

/** More digits than any amount has; beyond that their arithmetic would take seconds. */
const textLengthMax = 4096;

function partsOf(text: string): Parts {
  if (text.length > textLengthMax) {
    throw new QuantityError(`quantities must be no longer than ${textLengthMax} characters`);
  }
  const match = /^([+-]?)(\d*)(?:\.(\d*))?((?:[eEinumkKMGTP]+[-+]?|[-+])\d*)?$/.exec(text);
  if (match === null || text === "") throw new QuantityError(formatWrong);
  const [, sign, whole = "", fraction = "", suffixText = ""] = match;
  if (whole + fraction === "" && suffixText !== "") throw new QuantityError(formatWrong);
  const suffix = interpretSuffix(suffixText);
  if (whole + fraction === "") throw new QuantityError(numberWrong);
  return { negative: sign === "-", whole: whole.replace(/^0+/, "") || "0", fraction, suffix };
}

/** The same few texts come in every pod, and each is asked for some ten times on its way. */
const known = new Map<string, Quantity>();
const knownMax = 1000;
const knownLengthMax = 32;

/** Throws QuantityError. */
export function parseQuantity(text: string): Quantity {
  const before = known.get(text);
  if (before !== undefined) return before;
  const quantity = Object.freeze(read(text));
  if (known.size >= knownMax) known.clear();
  if (text.length <= knownLengthMax) known.set(text, quantity);
  return quantity;
}

function read(text: string): Quantity {
  const { negative, whole, fraction, suffix } = partsOf(text);
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return { nano: 0n, format: suffix.format };
  const keptText = keepsText(whole, fraction, suffix) ? text : undefined;
  const nano =
    suffix.base === 2
      ? scaled(digits << BigInt(suffix.exponent), nanoDigits - fraction.length)
      : scaled(digits, nanoDigits - fraction.length + suffix.exponent);
  const signed = (amount: bigint): bigint => (negative ? -amount : amount);
  if (suffix.base === 10) return { nano: signed(nano), format: suffix.format, text: keptText };
  const format = nano < unit ? "DecimalSI" : "BinarySI";
  return { nano: signed(nano > binaryMax ? binaryMax : nano), format, text: keptText };
}

/** What a text that is already known to be a quantity means; zero for an absent one. */
export function quantityOf(text: string | number | undefined): Quantity {
  return text === undefined ? zeroQuantity : parseQuantity(String(text));
}

export const zeroQuantity: Quantity = { nano: 0n, format: "DecimalSI" };

export const quantityOfUnits = (units: bigint, format: QuantityFormat = "DecimalSI"): Quantity => ({
  nano: units * unit,
  format,
});

export const quantityOfMilli = (milli: bigint): Quantity => ({
  nano: milli * 10n ** 6n,
  format: "DecimalSI",
});

export function compareQuantities(a: Quantity, b: Quantity): -1 | 0 | 1 {
  return a.nano === b.nano ? 0 : a.nano < b.nano ? -1 : 1;
}

/** The format of the sum is the first's, unless the first is zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano + b.nano, format: a.nano === 0n ? b.format : a.format };
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano - b.nano, format: a.nano === 0n ? b.format : a.format };
}

/** Whole units (bytes, cores), rounded away from zero. */
export const quantityUnits = (quantity: Quantity): bigint => shrink(quantity.nano, nanoDigits);

/** Thousandths, rounded away from zero: what CPU is counted in. */
export const quantityMilli = (quantity: Quantity): bigint => shrink(quantity.nano, 6);

export const quantityIsWhole = (quantity: Quantity): boolean => quantity.nano % unit === 0n;

/** upstream's String(): the text it was read from where that is kept, else the canonical one. */
export function formatQuantity({ nano, format, text }: Quantity): string {
  if (text !== undefined) return text;
  if (nano === 0n) return "0";
  const magnitude = nano < 0n ? -nano : nano;
  // Small or broken binary amounts are shown in decimals rather than rounded.
  const binary = format === "BinarySI" && magnitude >= 1024n * unit && magnitude % unit === 0n;
  return binary ? formatBinary(nano / unit) : formatDecimal(nano, format === "DecimalExponent");
}

function formatBinary(units: bigint): string {
  let rest = units;
  let power = 0;
  while (rest % 1024n === 0n && power < binarySuffixes.length - 1) {
    rest /= 1024n;
    power += 1;
  }
  return `${rest}${binarySuffixes[power] ?? ""}`;
}

function formatDecimal(nano: bigint, withExponent: boolean): string {
  let rest = nano;
  let exponent = -nanoDigits;
  while (rest % 1000n === 0n) {
    rest /= 1000n;
    exponent += 3;
  }
  const suffix = withExponent ? undefined : decimalSuffixes.get(exponent);
  if (suffix !== undefined) return `${rest}${suffix}`;
  return exponent === 0 ? `${rest}` : `${rest}e${exponent}`;
}

/** The text upstream would store for this one. */
export const canonicalQuantity = (text: string): string => formatQuantity(parseQuantity(text));
