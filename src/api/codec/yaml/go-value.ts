/** What goyaml makes of a document before it is JSON, and how Go writes it in its words. */
import { goQuote } from "../../meta/go-quote.ts";
import { compareKeys } from "../go-json.ts";
import { GoNumber, type GoScalar } from "./resolve.ts";

export type GoValue = GoScalar | GoMap | readonly GoValue[];

/** Keys of different types are different keys: 1 and "1". */
export class GoMap {
  readonly #entries = new Map<string, readonly [key: GoScalar, value: GoValue]>();

  has(key: GoScalar): boolean {
    return this.#entries.has(identity(key));
  }

  set(key: GoScalar, value: GoValue): void {
    this.#entries.set(identity(key), [key, value]);
  }

  entries(): Iterable<readonly [key: GoScalar, value: GoValue]> {
    return this.#entries.values();
  }
}

const identity = (key: GoScalar): string =>
  typeof key === "string" ? `"${key}` : key instanceof GoNumber ? `${key.type} ${key.value}` : String(key);

/** Go's %#v. */
export function goSyntax(value: GoValue, isInner = false): string {
  if (value === null) return isInner ? "interface {}(nil)" : "<nil>";
  if (typeof value === "string") return goQuote(value);
  if (typeof value === "boolean") return String(value);
  if (value instanceof GoNumber) return numberSyntax(value);
  if (value instanceof GoMap) {
    const parts = [...value.entries()].map(
      ([key, inner]) => [goSyntax(key, true), goSyntax(inner, true)] as const,
    );
    const sorted = parts.toSorted(([a], [b]) => compareKeys(a, b));
    return `map[interface {}]interface {}{${sorted.map((pair) => pair.join(":")).join(", ")}}`;
  }
  return `[]interface {}{${value.map((inner) => goSyntax(inner, true)).join(", ")}}`;
}

const numberSyntax = ({ type, value }: GoNumber): string =>
  type === "int" ? String(value) : type === "uint64" ? `0x${value.toString(16)}` : floatText(Number(value));

/** Go's %g of as many digits as it takes. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return withExponent(value);
}

/** upstream: strconv/ftoa.go, fmt/format.go */
const exponentMin = 6;

function withExponent(value: number): string {
  const [digits = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < exponentMin) return Object.is(value, -0) ? "-0" : String(value);
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** The name of a field that a key becomes; undefined: none. */
export function keyText(key: GoScalar): string | undefined {
  if (typeof key === "string") return key;
  if (typeof key === "boolean") return String(key);
  if (key === null || key.type === "uint64") return undefined;
  return key.type === "int" ? String(key.value) : floatKey(Number(key.value));
}

/** As few digits as tell it from its neighbours among floats of 32 bits. */
function floatKey(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  const single = Math.fround(value);
  if (!Number.isFinite(single)) return single > 0 ? ".inf" : "-.inf";
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(single.toPrecision(digits));
    if (Math.fround(shorter) === single) return withExponent(shorter);
  }
  return withExponent(Number(single.toPrecision(9)));
}
