/** The standard library. upstream: cel-go common/stdlib/standard.go */
import { includesText } from "#base/text-search.ts";
import { add, divide, modulo, multiply, negate, ordered, subtract } from "../arithmetic.ts";
import {
  toBool,
  toBytes,
  toDouble,
  toDuration,
  toInt,
  toText,
  toTimestamp,
  toType,
  toUint,
} from "../conversions.ts";
import type { Implementation, Library, LibraryFunction } from "../functions.ts";
import type { RegexCompiler } from "../regex.ts";
import { durationField, timestampField, timestampFields } from "../time.ts";
import {
  Duration,
  equal,
  Fault,
  isFault,
  ListValue,
  MapValue,
  mapKey,
  noSuchOverload,
  sizeOf,
  Timestamp,
  type Value,
} from "../values.ts";

const unary =
  (run: (value: Value) => Value): Implementation =>
  ([value = null]) =>
    run(value);
const binary =
  (run: (a: Value, b: Value) => Value): Implementation =>
  ([a = null, b = null]) =>
    run(a, b);

/** Overloads of an operator of two values of one type, by the names of the types in their ids. */
function pairs(name: string, kinds: Readonly<Record<string, string>>, result?: string): string[] {
  return Object.entries(kinds).map(([id, type]) => `${name}_${id}: (${type}, ${type}) -> ${result ?? type}`);
}

const numbers = { double: "double", int64: "int", uint64: "uint" };
const orderedKinds = {
  bool: "bool",
  ...numbers,
  string: "string",
  bytes: "bytes",
  timestamp: "timestamp",
  duration: "duration",
};

function comparison(symbol: string, name: string, accepts: (order: number) => boolean): LibraryFunction {
  const mixed = Object.entries(numbers).flatMap(([leftId, left]) =>
    Object.entries(numbers)
      .filter(([id]) => id !== leftId)
      .map(([rightId, right]) => `${name}_${leftId}_${rightId}: (${left}, ${right}) -> bool`),
  );
  return {
    name: `_${symbol}_`,
    overloads: [...pairs(name, orderedKinds, "bool"), ...mixed],
    run: binary((a, b) => ordered(a, b, accepts)),
  };
}

const operators: Library = [
  { name: "_?_:_", overloads: ["conditional: (bool, A, A) -> A"], run: () => noSuchOverload },
  { name: "_&&_", overloads: ["logical_and: (bool, bool) -> bool"], run: () => noSuchOverload },
  { name: "_||_", overloads: ["logical_or: (bool, bool) -> bool"], run: () => noSuchOverload },
  {
    name: "!_",
    overloads: ["logical_not: (bool) -> bool"],
    run: unary((value) => (typeof value === "boolean" ? !value : noSuchOverload)),
  },
  {
    name: "@not_strictly_false",
    overloads: ["not_strictly_false: (bool) -> bool"],
    run: unary((value) => value !== false),
  },
  { name: "_==_", overloads: ["equals: (A, A) -> bool"], run: binary(equal) },
  {
    name: "_!=_",
    overloads: ["not_equals: (A, A) -> bool"],
    run: binary((a, b) => {
      const same = equal(a, b);
      return isFault(same) ? same : !same;
    }),
  },
  {
    name: "_+_",
    overloads: [
      ...pairs("add", { bytes: "bytes", double: "double", duration_duration: "duration" }),
      "add_duration_timestamp: (duration, timestamp) -> timestamp",
      "add_timestamp_duration: (timestamp, duration) -> timestamp",
      ...pairs("add", { int64: "int", list: "list<A>", string: "string", uint64: "uint" }),
    ],
    run: binary(add),
  },
  {
    name: "_-_",
    overloads: [
      ...pairs("subtract", { ...numbers, duration_duration: "duration" }),
      "subtract_timestamp_duration: (timestamp, duration) -> timestamp",
      "subtract_timestamp_timestamp: (timestamp, timestamp) -> duration",
    ],
    run: binary(subtract),
  },
  { name: "_*_", overloads: pairs("multiply", numbers), run: binary(multiply) },
  { name: "_/_", overloads: pairs("divide", numbers), run: binary(divide) },
  { name: "_%_", overloads: pairs("modulo", { int64: "int", uint64: "uint" }), run: binary(modulo) },
  {
    name: "-_",
    overloads: ["negate_double: (double) -> double", "negate_int64: (int) -> int"],
    run: unary(negate),
  },
  comparison("<", "less", (order) => order < 0),
  comparison("<=", "less_equals", (order) => order <= 0),
  comparison(">", "greater", (order) => order > 0),
  comparison(">=", "greater_equals", (order) => order >= 0),
  {
    name: "_[_]",
    overloads: ["index_list: (list<A>, int) -> A", "index_map: (map<A,B>, A) -> B"],
    run: binary(index),
  },
  {
    name: "@in",
    overloads: ["in_list: (A, list<A>) -> bool", "in_map: (A, map<A,B>) -> bool"],
    run: binary(contains),
  },
];

const shown = (key: Value): string => {
  const text = toText(key);
  return typeof text === "string" ? text : "";
};

/** What `a[b]` is; `a.b` is the same for maps. */
export function index(container: Value, key: Value): Value {
  if (isFault(container)) return container;
  if (isFault(key)) return key;
  if (container instanceof MapValue) {
    const found = container.find(key);
    if (found !== undefined) return found;
    return new Fault(mapKey(key) === undefined ? "unsupported key type" : `no such key: ${shown(key)}`);
  }
  if (!(container instanceof ListValue)) return noSuchOverload;
  const position = positionOf(key);
  if (position === undefined) return new Fault(`unsupported index type '${typeof key}' in list`);
  if (position < 0 || position >= container.size) return new Fault(`index out of bounds: ${shown(key)}`);
  return container.at(position);
}

function positionOf(key: Value): number | undefined {
  const text = mapKey(key);
  if (text === undefined || !text.startsWith("n")) return undefined;
  return Number(text.slice(1));
}

export function contains(value: Value, container: Value): Value {
  if (container instanceof MapValue) return container.find(value) !== undefined;
  if (!(container instanceof ListValue)) return noSuchOverload;
  let fault: Fault | undefined;
  for (const item of container.values()) {
    const same = equal(item, value);
    if (same === true) return true;
    if (isFault(same)) fault ??= same;
  }
  return fault ?? false;
}

const conversion = (
  name: string,
  run: (value: Value) => Value,
  kinds: Readonly<Record<string, string>>,
): LibraryFunction => ({
  name,
  overloads: Object.entries(kinds).map(([id, type]) => {
    const result = name === "type" ? "type<A>" : name;
    return `${id}: (${type}) -> ${result}`;
  }),
  run: unary((value) => (isFault(value) ? value : run(value))),
});

const conversions: Library = [
  conversion("type", toType, { type: "A" }),
  conversion("bool", toBool, { bool_to_bool: "bool", string_to_bool: "string" }),
  conversion("bytes", toBytes, { bytes_to_bytes: "bytes", string_to_bytes: "string" }),
  conversion("double", toDouble, {
    double_to_double: "double",
    int64_to_double: "int",
    string_to_double: "string",
    uint64_to_double: "uint",
  }),
  conversion("duration", toDuration, {
    duration_to_duration: "duration",
    int64_to_duration: "int",
    string_to_duration: "string",
  }),
  { name: "dyn", overloads: ["to_dyn: (A) -> dyn"], run: unary((value) => value) },
  conversion("int", toInt, {
    int64_to_int64: "int",
    double_to_int64: "double",
    duration_to_int64: "duration",
    string_to_int64: "string",
    timestamp_to_int64: "timestamp",
    uint64_to_int64: "uint",
  }),
  conversion("string", toText, {
    string_to_string: "string",
    bool_to_string: "bool",
    bytes_to_string: "bytes",
    double_to_string: "double",
    duration_to_string: "duration",
    int64_to_string: "int",
    timestamp_to_string: "timestamp",
    uint64_to_string: "uint",
  }),
  conversion("timestamp", toTimestamp, {
    timestamp_to_timestamp: "timestamp",
    int64_to_timestamp: "int",
    string_to_timestamp: "string",
  }),
  conversion("uint", toUint, {
    uint64_to_uint64: "uint",
    double_to_uint64: "double",
    int64_to_uint64: "int",
    string_to_uint64: "string",
  }),
];

const size: LibraryFunction = {
  name: "size",
  overloads: Object.entries({ bytes: "bytes", list: "list<A>", map: "map<A,B>", string: "string" }).flatMap(
    ([id, type]) => [`size_${id}: (${type}) -> int`, `${id}_size: ${type}.() -> int`],
  ),
  run: unary((value) => {
    const found = sizeOf(value);
    return found === undefined ? noSuchOverload : BigInt(found);
  }),
};

const textTest = (
  name: string,
  test: (text: string, part: string) => Value,
  extra: readonly string[] = [],
): LibraryFunction => ({
  name,
  overloads: [
    ...extra,
    `${name === "startsWith" ? "starts_with" : name === "endsWith" ? "ends_with" : name}_string: string.(string) -> bool`,
  ],
  run: binary((text, part) =>
    typeof text === "string" && typeof part === "string" ? test(text, part) : noSuchOverload,
  ),
});

/** Every part of a timestamp, in UTC or the zone named; some are durations' as well. */
const accessors: Library = timestampFields.map((name) => {
  const id = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/^get_/, "");
  const ofDuration = /Hours|Minutes|Seconds|Milliseconds/.test(name)
    ? [`duration_to_${id}: duration.() -> int`]
    : [];
  return {
    name,
    overloads: [
      `timestamp_to_${id}: timestamp.() -> int`,
      `timestamp_to_${id}_with_tz: timestamp.(string) -> int`,
      ...ofDuration,
    ],
    run: ([value = null, zone]) => {
      if (value instanceof Timestamp) {
        return timestampField(name, value, typeof zone === "string" ? zone : undefined);
      }
      return value instanceof Duration ? durationField(name, value) : noSuchOverload;
    },
  };
});

export const standardLibrary = (regex: RegexCompiler): Library => [
  ...operators,
  ...conversions,
  size,
  textTest("contains", includesText),
  textTest("endsWith", (text, part) => text.endsWith(part)),
  textTest("startsWith", (text, part) => text.startsWith(part)),
  textTest("matches", (text, pattern) => regex.matches(text, pattern), ["matches: (string, string) -> bool"]),
  ...accessors,
];
