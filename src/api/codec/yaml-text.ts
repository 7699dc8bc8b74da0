/**
 * YAML as Kubernetes' servers and kubectl write it. upstream: sigs.k8s.io/yaml JSONToYAML, which reads JSON and writes by
 * goyaml.v2/{encode,sorter,emitterc}.go
 */
import { scalarText } from "./yaml-scalar.ts";

/** Whether a text, bare, would be read as something else. */
export type IsOther = (text: string) => boolean;

/** A longer key is said with "? " before it. */
const keyBytesMax = 128;

/** `value` is a JSON value. Ends with a line's end. */
export function yamlText(value: unknown, isOther: IsOther): string {
  return ended(new Writer(isOther).node(value, { indent: 0, lead: "" }));
}

interface Place {
  /** Of the lines of what it is in. */
  readonly indent: number;
  /** What stands before it on its line. */
  readonly lead: string;
}

const ended = (text: string): string => (text.endsWith("\n") ? text : `${text}\n`);
const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

class Writer {
  readonly #isOther: IsOther;

  constructor(isOther: IsOther) {
    this.#isOther = isOther;
  }

  /** Begins where `lead` ends; what is in lines of its own has them at `indent`. */
  node(value: unknown, { indent, lead }: Place): string {
    if (Array.isArray(value)) return lead + (value.length === 0 ? "[]" : this.#sequence(value, indent));
    if (isMap(value)) return lead + (isEmpty(value) ? "{}" : this.#mapping(value, indent));
    return lead + this.#scalar(value, { indent, column: lead.length, isKey: false });
  }

  /** The first line isn't indented: it goes on after an indicator, or begins the document. */
  #mapping(map: Readonly<Record<string, unknown>>, indent: number): string {
    const pad = " ".repeat(indent);
    const keys = Object.keys(map).filter((key) => map[key] !== undefined);
    const entries = keys.toSorted(byNature).map((key) => ended(this.#entry(key, map[key], pad)));
    return entries.join("").slice(indent);
  }

  #entry(key: string, value: unknown, pad: string): string {
    const indent = pad.length;
    if (key.includes("\n") || Buffer.byteLength(key) > keyBytesMax) {
      const lead = `${pad}? `;
      const place = { indent: indent + 2, column: lead.length, isKey: false };
      const said = ended(lead + this.#scalar(key, place));
      return said + this.node(value, { indent: indent + 2, lead: `${pad}: ` });
    }
    const name = `${pad}${this.#scalar(key, { indent, column: indent, isKey: true })}:`;
    if (Array.isArray(value) && value.length > 0) return `${name}\n${pad}${this.#sequence(value, indent)}`;
    if (isMap(value) && !isEmpty(value)) {
      return `${name}\n${pad}  ${this.#mapping(value, indent + 2)}`;
    }
    return this.node(value, { indent: indent + 2, lead: `${name} ` });
  }

  #sequence(list: readonly unknown[], indent: number): string {
    const pad = " ".repeat(indent);
    const items = list.map((item) => ended(this.node(item, { indent: indent + 2, lead: `${pad}- ` })));
    return items.join("").slice(indent);
  }

  #scalar(value: unknown, place: Parameters<typeof scalarText>[2]): string {
    if (typeof value === "string") return scalarText(value, this.#isOther(value), place);
    return typeof value === "number" ? numberText(value) : JSON.stringify(value ?? null);
  }
}

/** upstream: strconv's %g of as many digits as it takes */
const exponentMin = 6;

/** Go's %g. What JSON has without a fraction is an integer to it, if an int64 or an uint64 is large enough. */
function numberText(value: number): string {
  if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 64) return JSON.stringify(value);
  const [digits = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < exponentMin) return String(value);
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

const isLetter = (char: string): boolean => /\p{L}/u.test(char);
const isDigit = (char: string | undefined): boolean => char !== undefined && /\p{Nd}/u.test(char);

/** Numbers in keys by what they count, letters last. upstream: goyaml.v2/sorter.go */
function byNature(left: string, right: string): number {
  const a = Array.from(left);
  const b = Array.from(right);
  const at = a.findIndex((char, index) => char !== b[index]);
  if (at < 0 || at >= b.length) return a.length - b.length;
  const [x, y] = [a[at] as string, b[at] as string];
  if (isLetter(x) !== isLetter(y)) return isLetter(y) ? -1 : 1;
  if (!isLetter(x)) {
    const difference = byNumber(a, b, at);
    if (difference !== 0) return difference;
  }
  return (x.codePointAt(0) ?? 0) - (y.codePointAt(0) ?? 0);
}

/** Of the digits from there on, which differ. A zero counts where it isn't the first. */
function byNumber(a: readonly string[], b: readonly string[], at: number): number {
  let start = at;
  while (start > 0 && isDigit(a[start - 1])) start--;
  const goesOn = a.slice(start, at).some((digit) => digit !== "0");
  const prefix = (a[at] === "0" || b[at] === "0") && goesOn ? "1" : "";
  const [left, right] = [digitsFrom(a, at), digitsFrom(b, at)];
  const difference = Number(`${prefix}${left}` || "0") - Number(`${prefix}${right}` || "0");
  return difference === 0 ? left.length - right.length : difference;
}

function digitsFrom(chars: readonly string[], at: number): string {
  let end = at;
  while (isDigit(chars[end])) end++;
  return chars.slice(at, end).join("");
}
