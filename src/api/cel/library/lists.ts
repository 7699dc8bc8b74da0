/** Lists: Kubernetes' functions and cel-go's, version 3; sets. upstream: apiserver/pkg/cel/library/lists.go, cel-go ext/{lists,sets}.go */
import { add } from "../arithmetic.ts";
import type { Implementation, Library, LibraryFunction } from "../functions.ts";
import {
  ArrayList,
  compare,
  Duration,
  equal,
  Fault,
  isFault,
  ListValue,
  noSuchOverload,
  typeNameOf,
  Uint,
  type Value,
} from "../values.ts";
import { contains } from "./standard.ts";

const comparables = ["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"];

const method =
  (run: (list: ListValue, args: readonly Value[]) => Value): Implementation =>
  ([list = null, ...args]) =>
    list instanceof ListValue ? run(list, args) : noSuchOverload;

function isSorted(list: ListValue): Value {
  let previous: Value | undefined;
  for (const item of list.values()) {
    const order = previous === undefined ? 0 : compare(previous, item);
    if (order === undefined) return noSuchOverload;
    if (isFault(order)) return order;
    if (order > 0) return false;
    previous = item;
  }
  return true;
}

const extreme = (name: string, sign: 1 | -1): LibraryFunction => ({
  name,
  overloads: comparables.map((type) => `list_${type}_${name}_${type}: list<${type}>.() -> ${type}`),
  run: method((list) => {
    let best: Value | undefined;
    for (const item of list.values()) {
      const order = best === undefined ? 1 : compare(item, best);
      if (order === undefined) return noSuchOverload;
      if (isFault(order)) return order;
      if (best === undefined || order * sign > 0) best = item;
    }
    return best ?? new Fault(`${name} called on empty list`);
  }),
});

const zeros: Readonly<Record<string, Value>> = {
  int: 0n,
  uint: new Uint(0n),
  double: 0,
  duration: new Duration(0n),
};

const sums: Library = Object.entries(zeros).map(([type, zero]) => ({
  name: "sum",
  overloads: [`list_${type}_sum_${type}: list<${type}>.() -> ${type}`],
  run: method((list) => {
    let total: Value | undefined;
    for (const item of list.values()) {
      total = total === undefined ? item : add(total, item);
      if (isFault(total)) return total;
    }
    return total ?? zero;
  }),
}));

function indexWhere(list: ListValue, wanted: Value, from: number, step: 1 | -1): Value {
  for (let index = from; index >= 0 && index < list.size; index += step) {
    if (equal(list.at(index), wanted) === true) return BigInt(index);
  }
  return -1n;
}

const kubernetes: Library = [
  {
    name: "isSorted",
    overloads: comparables.map((type) => `list_${type}_is_sorted_bool: list<${type}>.() -> bool`),
    run: method(isSorted),
  },
  ...sums,
  extreme("max", 1),
  extreme("min", -1),
  {
    name: "indexOf",
    overloads: ["list_a_index_of_int: list<A>.(A) -> int"],
    run: method((list, [wanted = null]) => indexWhere(list, wanted, 0, 1)),
  },
  {
    name: "lastIndexOf",
    overloads: ["list_a_last_index_of_int: list<A>.(A) -> int"],
    run: method((list, [wanted = null]) => indexWhere(list, wanted, list.size - 1, -1)),
  },
];

function slice(list: ListValue, [start, end]: readonly Value[]): Value {
  if (typeof start !== "bigint" || typeof end !== "bigint") return noSuchOverload;
  const call = `cannot slice(${start}, ${end})`;
  if (start < 0n || end < 0n) return new Fault(`${call}, negative indexes not supported`);
  if (start > end) return new Fault(`${call}, start index must be less than or equal to end index`);
  if (BigInt(list.size) < end) return new Fault(`${call}, list is length ${list.size}`);
  return new ArrayList([...list.values()].slice(Number(start), Number(end)));
}

function flattened(list: ListValue, depth: bigint): Value[] {
  const found: Value[] = [];
  for (const item of list.values()) {
    if (item instanceof ListValue && depth > 0n) {
      for (const each of flattened(item, depth - 1n)) found.push(each);
    } else found.push(item);
  }
  return found;
}

function flatten(list: ListValue, [depth = 1n]: readonly Value[]): Value {
  if (typeof depth !== "bigint") return noSuchOverload;
  return depth < 0n ? new Fault("level must be non-negative") : new ArrayList(flattened(list, depth));
}

function sortBy(list: ListValue, keys: ListValue): Value {
  if (list.size !== keys.size) return noSuchOverload;
  if (list.size === 0) return list;
  const [items, order] = [[...list.values()], [...keys.values()]];
  const first = order[0] ?? null;
  if (compare(first, first) === undefined) return new Fault("list elements must be comparable");
  if (order.some((key) => typeNameOf(key) !== typeNameOf(first))) {
    return new Fault("list elements must have the same type");
  }
  const rank = (a: number, b: number): number => {
    const found = compare(order[a] ?? null, order[b] ?? null);
    return typeof found === "number" ? found : 0;
  };
  return new ArrayList(
    [...items.keys()].toSorted((a, b) => rank(a, b) || a - b).map((index) => items[index] ?? null),
  );
}

function distinct(list: ListValue): Value {
  const found: Value[] = [];
  for (const item of list.values()) {
    if (!found.some((other) => equal(item, other) === true)) found.push(item);
  }
  return new ArrayList(found);
}

/** As many as cel-go allocates at most. */
const rangeMax = 10_000_000n;

function range([size]: readonly Value[]): Value {
  if (typeof size !== "bigint") return noSuchOverload;
  if (size < 0n) return new Fault(`lists.range: size must be non-negative, got ${size}`);
  if (size > rangeMax) return new Fault(`lists.range: size ${size} exceeds maximum allowed (${rangeMax})`);
  return new RangeList(Number(size));
}

/** 0, 1, 2 … without holding them. */
class RangeList extends ListValue {
  readonly size: number;
  constructor(size: number) {
    super();
    this.size = size;
  }
  at(index: number): Value {
    return BigInt(index);
  }
}

const extended: Library = [
  { name: "slice", overloads: ["list_slice: list<T>.(int, int) -> list<T>"], run: method(slice) },
  {
    name: "flatten",
    overloads: [
      "list_flatten: list<list<T>>.() -> list<T>",
      "list_flatten_int: list<dyn>.(int) -> list<dyn>",
    ],
    run: method(flatten),
  },
  {
    name: "sort",
    overloads: comparables.map((type) => `list_${type}_sort: list<${type}>.() -> list<${type}>`),
    run: method((list) => sortBy(list, list)),
  },
  {
    name: "@sortByAssociatedKeys",
    overloads: comparables.map(
      (type) => `list_${type}_sortByAssociatedKeys: list<T>.(list<${type}>) -> list<T>`,
    ),
    run: method((list, [keys]) => (keys instanceof ListValue ? sortBy(list, keys) : noSuchOverload)),
  },
  { name: "lists.range", overloads: ["lists_range: (int) -> list<int>"], run: range },
  {
    name: "reverse",
    overloads: ["list_reverse: list<T>.() -> list<T>"],
    run: method((list) => new ArrayList([...list.values()].toReversed())),
  },
  { name: "distinct", overloads: ["list_distinct: list<T>.() -> list<T>"], run: method(distinct) },
];

function containsAll(list: ListValue, wanted: ListValue): Value {
  for (const item of wanted.values()) {
    const found = contains(item, list);
    if (found !== true) return found;
  }
  return true;
}

function intersects(a: ListValue, b: ListValue): Value {
  for (const item of a.values()) if (contains(item, b) === true) return true;
  return false;
}

const setTest = (name: string, run: (a: ListValue, b: ListValue) => Value): LibraryFunction => ({
  name: `sets.${name}`,
  overloads: [`list_sets_${name}_list: (list<T>, list<T>) -> bool`],
  run: method((a, [b]) => (b instanceof ListValue ? run(a, b) : noSuchOverload)),
});

const sets: Library = [
  setTest("contains", containsAll),
  setTest("equivalent", (a, b) => {
    const forth = containsAll(a, b);
    return forth === true ? containsAll(b, a) : forth;
  }),
  setTest("intersects", intersects),
];

export const listsLibrary: Library = [...kubernetes, ...extended, ...sets];
