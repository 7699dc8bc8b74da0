/** int(x), string(x) and their like. upstream: the ConvertToType methods of cel-go's common/types */
import { parseGoFloat } from "../meta/go-float.ts";
import { wholeOf } from "../meta/go-integer.ts";
import { timestampOr } from "./arithmetic.ts";
import { formatDouble } from "./number-text.ts";
import { durationFromText, durationText, secondsOf, timestampFromText, timestampText } from "./time.ts";
import {
  Duration,
  Fault,
  intMax,
  intMin,
  Timestamp,
  TypeValue,
  Uint,
  uintMax,
  typeNameOf,
  type Value,
} from "./values.ts";

const intRange = new Fault("integer overflow");
const uintRange = new Fault("unsigned integer overflow");

const conversionFault = (value: Value, to: string): Fault =>
  new Fault(`type conversion error from '${typeNameOf(value)}' to '${to}'`);

export function toInt(value: Value): Value {
  if (typeof value === "bigint") return value;
  if (value instanceof Uint) return value.value > intMax ? intRange : value.value;
  if (typeof value === "number") {
    const isWithin = value > Number(intMin) && value < Number(intMax);
    return isWithin ? BigInt(Math.trunc(value)) : intRange;
  }
  if (value instanceof Timestamp) return secondsOf(value);
  if (value instanceof Duration) return value.nanos;
  if (typeof value !== "string") return conversionFault(value, "int");
  const parsed = wholeOf(value, true);
  return parsed === undefined || parsed < intMin || parsed > intMax ? conversionFault(value, "int") : parsed;
}

export function toUint(value: Value): Value {
  if (value instanceof Uint) return value;
  if (typeof value === "bigint") return value < 0n ? uintRange : new Uint(value);
  if (typeof value === "number") {
    return value >= 0 && value < Number(uintMax) ? new Uint(BigInt(Math.trunc(value))) : uintRange;
  }
  if (typeof value !== "string") return conversionFault(value, "uint");
  const parsed = wholeOf(value, false);
  return parsed === undefined || parsed > uintMax ? conversionFault(value, "uint") : new Uint(parsed);
}

export function toDouble(value: Value): Value {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint) return Number(value.value);
  if (typeof value !== "string") return conversionFault(value, "double");
  return parseGoFloat(value) ?? conversionFault(value, "double");
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOfBytes(bytes: Uint8Array): Value {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return new Fault("invalid UTF-8 in bytes, cannot convert to string");
    throw error;
  }
}

export function toText(value: Value): Value {
  switch (typeof value) {
    case "string":
      return value;
    case "bigint":
    case "boolean":
      return String(value);
    case "number":
      return formatDouble(value);
    default:
  }
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return textOfBytes(value);
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof TypeValue) return value.typeName;
  return conversionFault(value, "string");
}

export function toBytes(value: Value): Value {
  if (value instanceof Uint8Array) return value;
  return typeof value === "string" ? new TextEncoder().encode(value) : conversionFault(value, "bytes");
}

const boolTexts: ReadonlyMap<string, boolean> = new Map(
  [true, false].flatMap((value) =>
    (value ? ["1", "t", "T", "true", "TRUE", "True"] : ["0", "f", "F", "false", "FALSE", "False"]).map(
      (text): [string, boolean] => [text, value],
    ),
  ),
);

export function toBool(value: Value): Value {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") return conversionFault(value, "bool");
  return boolTexts.get(value) ?? conversionFault(value, "bool");
}

export function toDuration(value: Value): Value {
  if (value instanceof Duration) return value;
  if (typeof value === "bigint") return new Duration(value);
  const duration = typeof value === "string" ? durationFromText(value) : undefined;
  return duration ?? conversionFault(value, "google.protobuf.Duration");
}

export function toTimestamp(value: Value): Value {
  if (value instanceof Timestamp) return value;
  if (typeof value === "bigint") return timestampOr(value * 1_000_000_000n);
  const timestamp = typeof value === "string" ? timestampFromText(value) : undefined;
  return timestamp ?? conversionFault(value, "google.protobuf.Timestamp");
}

export function toType(value: Value): Value {
  return value instanceof Fault ? value : new TypeValue(typeNameOf(value));
}
