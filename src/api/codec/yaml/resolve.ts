/** What the text of a scalar is in YAML 1.1, as Go knows it. upstream: go.yaml.in/yaml/v2 resolve.go, decode.go (scalar) */
import { bodyText } from "../body-text.ts";
import { yamlError } from "./cursor.ts";
import { longTag, type ScalarNode } from "./parser.ts";
import { isTimestamp } from "./timestamp.ts";

/** A number of a Go type: keys of maps are told apart by it, and written by it. */
export class GoNumber {
  readonly type: "int" | "uint64" | "float64";
  readonly value: number | bigint;

  constructor(type: GoNumber["type"], value: number | bigint) {
    this.type = type;
    this.value = value;
  }
}

export type GoScalar = null | boolean | string | GoNumber;

type ShortTag = "null" | "bool" | "int" | "float" | "str" | "timestamp";

interface Resolved {
  readonly tag: ShortTag;
  readonly value: GoScalar;
}

const words: ReadonlyMap<string, Resolved> = new Map<string, Resolved>([
  ...entries("y Y yes Yes YES true True TRUE on On ON", { tag: "bool", value: true }),
  ...entries("n N no No NO false False FALSE off Off OFF", { tag: "bool", value: false }),
  ...entries("~ null Null NULL", { tag: "null", value: null }),
  ["", { tag: "null", value: null }],
  ...entries(".nan .NaN .NAN", { tag: "float", value: new GoNumber("float64", Number.NaN) }),
  ...entries(".inf .Inf .INF +.inf +.Inf +.INF", { tag: "float", value: new GoNumber("float64", Infinity) }),
  ...entries("-.inf -.Inf -.INF", { tag: "float", value: new GoNumber("float64", -Infinity) }),
]);

function entries(texts: string, resolved: Resolved): [string, Resolved][] {
  return texts.split(" ").map((text) => [text, resolved]);
}

/** Bare, it is something else than text. */
export const isNotText = (text: string): boolean =>
  words.has(text) || numberIn(text) !== undefined || isTimestamp(text);

const resolvable = new Set<string>(["str", "bool", "int", "float", "null", "timestamp"]);

/** Throws DecodeError where it isn't what its tag says. */
export function resolveScalar({ tag, value, isImplicit }: ScalarNode): GoScalar {
  if (tag === "") return isImplicit ? plainValue(value).value : value;
  const short = tag.startsWith(longTag) ? tag.slice(longTag.length) : "";
  if (short === "binary") return binary(value);
  if (!resolvable.has(short) || short === "str") return value;
  const isTime = short === "timestamp" && isTimestamp(value);
  const resolved: Resolved = isTime ? { tag: "timestamp", value } : plainValue(value);
  if (resolved.tag === short) return resolved.value;
  const { value: number } = resolved;
  if (short === "float" && number instanceof GoNumber && number.type === "int") {
    return new GoNumber("float64", Number(number.value));
  }
  throw yamlError(`cannot decode !!${resolved.tag} \`${value}\` as a !!${short}`, 0);
}

function plainValue(text: string): Resolved {
  const word = words.get(text);
  if (word !== undefined) return word;
  const value = numberIn(text);
  if (value === undefined) return { tag: "str", value: text };
  return { tag: value.type === "float64" ? "float" : "int", value };
}

const integer =
  /^([-+]?)(?:0[xX]0*([0-9a-fA-F]{1,16})|0[bB]0*([01]{1,64})|0[oO]?0*([0-7]{1,22})|([1-9]\d{0,19}|0))$/;
const decimal = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;

function numberIn(text: string): GoNumber | undefined {
  const isFraction = text.startsWith(".");
  if (isFraction && !/^[^_]*(?:(?<=\d)_(?=\d)[^_]*)*$/.test(text)) return undefined;
  if (isFraction) return floatIn(text.replaceAll("_", ""));
  if (!/^[-+\d]/.test(text)) return undefined;
  const plain = text.replaceAll("_", "");
  return integerIn(plain) ?? floatIn(plain);
}

/** Goyaml's own reading of binary digits takes a sign behind their prefix, which Go's doesn't. */
const signedBinary = /^0b([-+]0*[01]{1,63})$/;

/** Most numbers are such. */
const smallInteger = /^(?:0|-?[1-9]\d{0,14})$/;

function integerIn(plain: string): GoNumber | undefined {
  if (smallInteger.test(plain)) return new GoNumber("int", Number(plain));
  const [whole, sign, hex, binaryDigits, octal, digits] = integer.exec(plain) ?? [];
  if (whole === undefined) {
    const [, bits] = signedBinary.exec(plain) ?? [];
    if (bits === undefined) return undefined;
    const size = BigInt(`0b${bits.slice(1)}`);
    return new GoNumber("int", bits.startsWith("-") ? -size : size);
  }
  const magnitude = BigInt(
    hex === undefined
      ? binaryDigits === undefined
        ? octal === undefined
          ? (digits ?? "0")
          : `0o${octal}`
        : `0b${binaryDigits}`
      : `0x${hex}`,
  );
  const value = sign === "-" ? -magnitude : magnitude;
  if (BigInt.asIntN(64, value) === value) return new GoNumber("int", value);
  return sign === "" && BigInt.asUintN(64, value) === value ? new GoNumber("uint64", value) : undefined;
}

function floatIn(plain: string): GoNumber | undefined {
  const value = decimal.test(plain) ? Number(plain) : Infinity;
  return Number.isFinite(value) ? new GoNumber("float64", value) : undefined;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function binary(value: string): string {
  const plain = value.replace(/[\r\n]/g, "");
  if (!base64.test(plain)) throw yamlError("!!binary value contains invalid base64 data", 0);
  return bodyText(Buffer.from(plain, "base64"));
}
