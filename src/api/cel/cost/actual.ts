/** What a call did cost, by its values. upstream: apiserver/pkg/cel/library/cost.go CallCost, cel-go interpreter/runtimecost.go */
import { IpValue, CidrValue } from "../library/addresses.ts";
import { FormatValue } from "../library/texts.ts";
import { ListValue, MapValue, Opaque, sizeOf, type Value } from "../values.ts";
import { listCost, regexFactor, structCost, textFactor } from "./budget.ts";

function actualSize(value: Value | undefined): number {
  if (value instanceof IpValue || value instanceof CidrValue) return value.size;
  return value === undefined ? 1 : (sizeOf(value) ?? 1);
}

const scan = (value: Value | undefined, factor = 1): number =>
  Math.ceil(actualSize(value) * factor * textFactor);

/** Walking a whole tree of values. */
function traversal(value: Value): number {
  if (typeof value === "string") return Math.floor(Buffer.byteLength(value) * textFactor);
  if (value instanceof Uint8Array) return Math.floor(value.length * textFactor);
  let cost = 0;
  if (value instanceof ListValue) for (const item of value.values()) cost += traversal(item);
  else if (value instanceof MapValue) {
    for (const key of value.keys()) cost += traversal(key) + traversal(value.find(key) ?? null);
  } else cost = 1;
  return cost;
}

const search = (text: Value | undefined, regexSize: number): number =>
  Math.ceil((1 + actualSize(text)) * textFactor) * Math.ceil(regexSize * regexFactor);

export function selectorCost(length: number): number {
  const perRequirement = listCost + structCost;
  return listCost + Math.ceil(length * textFactor) + Math.ceil(Math.ceil(length / 2) * perRequirement);
}

const selfCompare = (list: Value | undefined): number => {
  const size = actualSize(list);
  const first = list instanceof ListValue && size > 0 ? list.at(0) : undefined;
  const isText = typeof first === "string" || first instanceof Uint8Array;
  return Math.floor(size * size * (isText ? 2 + textFactor : 2)) + 1 + listCost;
};

const allocation = (size: number, factor = 1): number => Math.floor(size * factor) + 1 + listCost;

type Cost = (args: readonly Value[], result: Value, overload: string) => number;

const one: Cost = () => 1;
const walk: Cost = ([first]) => (first === undefined ? 0 : traversal(first));
const scanFirst: Cost = ([first]) => scan(first);
const scanTwice: Cost = ([first]) => scan(first, 2);
const find: Cost = ([text, pattern]) => search(text, actualSize(pattern));
const joined: Cost = (_args, result) => scan(result, 2);
const selector: Cost = ([, text]) => selectorCost(actualSize(text));

const containsIp: Cost = ([cidr, other], _result, overload) =>
  scan(cidr, 2) + (overload === "cidr_contains_ip_string" ? scan(other) : 0);
const containsCidr: Cost = ([cidr, other], _result, overload) =>
  scan(cidr, 2) + scan(cidr) + 1 + (overload === "cidr_contains_cidr_string" ? scan(other) : 0);

const groups: readonly (readonly [string, Cost])[] = [
  ["check", () => 350_000],
  ["serviceAccount path group resource subresource namespace name allowed reason error errored", one],
  ["fieldSelector labelSelector", selector],
  ["isSorted sum max min indexOf lastIndexOf", walk],
  ["url lowerAscii upperAscii substring trim jsonpatch.escapeKey", scanFirst],
  ["replace split", scanTwice],
  ["join", joined],
  ["find findAll", find],
  ["cidr isIP isCIDR quantity isQuantity semver isSemver", scanFirst],
  ["ip", ([first], _result, overload) => (overload === "cidr_ip" ? 1 : scan(first))],
  ["ip.isCanonical", scanTwice],
  ["containsIP", containsIp],
  ["containsCIDR", containsCidr],
  ["validate", ([format, text]) => (format instanceof FormatValue ? search(text, format.regexSize) : 1)],
];

const byFunction = new Map(
  groups.flatMap(([names, cost]) => names.split(" ").map((name) => [name, cost] as const)),
);

const shorter: Cost = ([a, b]) => Math.ceil(Math.min(actualSize(a), actualSize(b)) * textFactor);
const both: Cost = ([a, b]) => Math.ceil((actualSize(a) + actualSize(b)) * textFactor);
const product: Cost = ([a, b]) => scan(a) * scan(b);
const outputSize: Cost = (_args, result) => allocation(actualSize(result));
/** Of these only what came out tells. */
const byResult = new Set<Cost>([joined, outputSize]);
const setCost: Cost = ([a, b]) => 1 + actualSize(a) * actualSize(b);

/** By overload; everything else costs 1. */
const byOverload = new Map<string, Cost>([
  ["starts_with_string", scanFirst],
  ["ends_with_string", scanFirst],
  ["string_to_bytes", scanFirst],
  ["bytes_to_string", scanFirst],
  ["string_format", scanFirst],
  ["strings_quote", scanFirst],
  ["in_list", ([, list]) => actualSize(list)],
  ...["less", "less_equals", "greater", "greater_equals"].flatMap((name): [string, Cost][] => [
    [`${name}_string`, shorter],
    [`${name}_bytes`, shorter],
  ]),
  ["equals", shorter],
  ["not_equals", shorter],
  ["add_string", both],
  ["add_bytes", both],
  ["matches_string", find],
  ["matches", find],
  ["contains_string", product],
  ["list_slice", outputSize],
  ["list_flatten", ([list]) => allocation(actualSize(list))],
  [
    "list_flatten_int",
    ([list, depth]) => allocation(actualSize(list), typeof depth === "bigint" ? Number(depth) : 1),
  ],
  ["lists_range", outputSize],
  ["list_reverse", outputSize],
  ["list_distinct", ([list]) => selfCompare(list)],
  ["list_sets_contains_list", setCost],
  ["list_sets_intersects_list", setCost],
  ["list_sets_equivalent_list", (args, result, overload) => 2 * setCost(args, result, overload) - 1],
]);

/** What a call is charged for. */
export interface Charge {
  readonly cost: Cost;
  /** The arguments tell what it costs. */
  readonly isAhead: boolean;
}

const chargeFor = (cost: Cost): Charge => ({ cost, isAhead: !byResult.has(cost) });

/**
 * Upstream charges for what was done, even for a call of hours that is beyond the limit; here nobody else is served
 * meanwhile: what can be told ahead is charged ahead. `overload`: "" where only the values could tell which.
 */
export function chargeOf(fn: string, overload: string): Charge {
  const own = byFunction.get(fn);
  if (own !== undefined) return chargeFor(own);
  if (overload.endsWith("_sort")) return chargeFor(([list]) => selfCompare(list));
  if (overload.endsWith("_sortByAssociatedKeys")) return chargeFor(([, keys]) => selfCompare(keys));
  const cost = byOverload.get(overload) ?? one;
  if (fn !== "_==_") return chargeFor(cost);
  return chargeFor((args, result, of) => (args[0] instanceof Opaque ? 1 : cost(args, result, of)));
}
