/** What calls of the libraries may cost. upstream: apiserver/pkg/cel/library/cost.go EstimateCallCost, cel-go ext/{lists,sets}.go */
import type { Expr } from "../ast.ts";
import { nameFormatRegexSize } from "../library/texts.ts";
import { type CelType, formatType, paramsOf, sameType } from "../types.ts";
import { costMax, listCost, regexFactor, structCost, textFactor } from "./budget.ts";
import { exactly, plus, type Range, scaled, times, unknownRange, upTo } from "./range.ts";

/** A value of the tree, as estimators see it. */
export interface SizedNode {
  /** From a variable on: names of fields, "@items", "@keys", "@values"; empty where it isn't known. */
  readonly path: readonly string[];
  readonly type: CelType;
  readonly expr: Expr | undefined;
  readonly size: Range | undefined;
}

/** By what schema a variable has. undefined: nothing is known. */
export type SizeEstimator = (path: readonly string[]) => Range | undefined;

export interface CallEstimate {
  readonly cost: Range;
  readonly size?: Range;
}

export interface EstimatedCall {
  readonly fn: string;
  readonly overload: string;
  readonly target: SizedNode | undefined;
  readonly args: readonly SizedNode[];
  readonly sizes: SizeEstimator;
}

type Estimator = (call: EstimatedCall) => CallEstimate | undefined;

const one: Estimator = () => ({ cost: exactly(1) });

function sizeOf(node: SizedNode | undefined, { sizes }: EstimatedCall): Range {
  if (node === undefined) return unknownRange;
  return node.size ?? (node.path.length > 0 ? sizes(node.path) : undefined) ?? unknownRange;
}

const scan = (size: Range, factor = 1): Range => scaled(size, factor * textFactor);
const search = (text: Range, pattern: Range): Range =>
  times(scan(plus(text, exactly(1))), scaled(pattern, regexFactor));

function itemsOf(list: SizedNode): SizedNode | undefined {
  const [elem] = paramsOf(list.type);
  if (elem === undefined) return undefined;
  return {
    path: list.path.length > 0 ? [...list.path, "@items"] : [],
    type: elem,
    expr: undefined,
    size: undefined,
  };
}

const walk: Estimator = (call) => {
  if (call.target === undefined) return undefined;
  const size = sizeOf(call.target, call);
  const items = itemsOf(call.target);
  if (items === undefined) return { cost: scan(size) };
  const isText = items.type.kind === "string" || items.type.kind === "bytes";
  const each = isText ? plus(exactly(1), scan(sizeOf(items, call))) : exactly(1);
  return { cost: times(size, each) };
};

const transform: Estimator = (call) => {
  if (call.target === undefined) return undefined;
  const size = sizeOf(call.target, call);
  return { cost: scan(size), size };
};

const scanArg: Estimator = (call) => {
  const size = sizeOf(call.args[0], call);
  return call.args.length === 1 ? { cost: scan(size), size } : undefined;
};

/** How often `from` may be found in a text of that many characters. */
const occurrences = (size: number, from: number): number =>
  size >= costMax ? costMax : Math.ceil(size / from);

const replace: Estimator = (call) => {
  if (call.target === undefined || call.args.length < 2) return undefined;
  const size = sizeOf(call.target, call);
  const from = sizeOf(call.args[0], call);
  const to = sizeOf(call.args[1], call);
  const most =
    from.min === 0
      ? { count: size.max < costMax ? size.max + 1 : size.max, kept: size.max }
      : to.max <= from.min
        ? { count: 0, kept: size.max }
        : { count: occurrences(size.max, from.min), kept: 0 };
  const least =
    from.max === 0
      ? { count: size.min < costMax ? size.min + 1 : size.min, kept: size.min }
      : from.max <= to.min
        ? { count: 0, kept: size.min }
        : { count: occurrences(size.min, from.max), kept: 0 };
  const result = plus(times({ min: least.count, max: most.count }, to), { min: least.kept, max: most.kept });
  return { cost: scan(size, 2), size: result };
};

const split: Estimator = (call) => {
  if (call.target === undefined) return undefined;
  const size = sizeOf(call.target, call);
  const limit = call.args[1]?.expr;
  const isKnown = limit?.kind === "literal" && typeof limit.value === "bigint";
  const max = isKnown ? (limit.value < 0n ? costMax : Number(limit.value)) : size.max;
  return { cost: scan(size, 2), size: upTo(max) };
};

const join: Estimator = (call) => {
  if (call.target === undefined) return undefined;
  const count = sizeOf(call.target, call);
  const items = itemsOf(call.target);
  const own = items === undefined ? exactly(0) : times(count, sizeOf(items, call));
  const [separator] = call.args;
  const between = { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) };
  const size = separator === undefined ? own : plus(own, times(sizeOf(separator, call), between));
  return { cost: scan(size), size };
};

const find: Estimator = (call) => {
  if (call.target === undefined || call.args.length === 0) return undefined;
  const size = sizeOf(call.target, call);
  return { cost: search(size, sizeOf(call.args[0], call)), size: upTo(size.max) };
};

const selector: Estimator = (call) => {
  const length = sizeOf(call.args[0], call);
  const requirements = scaled(scaled(length, 0.5), listCost + structCost);
  return { cost: plus(exactly(listCost), scan(length), requirements) };
};

/** Of a network, or made of a text. */
const ip: Estimator = (call) => ({
  cost: call.args.length === 0 ? exactly(1) : scan(sizeOf(call.args[0], call)),
});

const parse: Estimator = (call) => ({ cost: scan(sizeOf(call.args[0], call)) });

const addressSize: Range = { min: 4, max: 16 };
const comparison = scan(plus(addressSize, addressSize));

const containsIp: Estimator = (call) => {
  if (call.target === undefined) return undefined;
  const text = call.overload === "cidr_contains_ip_string" ? scan(sizeOf(call.args[0], call)) : exactly(0);
  return { cost: plus(comparison, text) };
};

const containsCidr: Estimator = (call) => {
  if (call.target === undefined) return undefined;
  const text = call.overload === "cidr_contains_cidr_string" ? scan(sizeOf(call.args[0], call)) : exactly(0);
  return { cost: plus(comparison, scan(addressSize), exactly(1), text) };
};

const validate: Estimator = (call) =>
  call.target === undefined
    ? undefined
    : { cost: scaled(scan(sizeOf(call.args[0], call)), nameFormatRegexSize * regexFactor) };

const unitEquality = new Set([
  "net.IP",
  "net.CIDR",
  "kubernetes.Quantity",
  "kubernetes.Semver",
  ...["Authorizer", "PathCheck", "GroupCheck", "ResourceCheck", "Decision"].map(
    (name) => `kubernetes.authorization.${name}`,
  ),
]);
const formatSize = 64;

const equality: Estimator = ({ args: [left, right] }) => {
  if (left === undefined || right === undefined || !sameType(left.type, right.type)) {
    return undefined;
  }
  if (paramsOf(left.type).length > 0) return undefined;
  const name = formatType(left.type);
  if (unitEquality.has(name)) return { cost: exactly(1) };
  if (name === "kubernetes.NamedFormat") return { cost: scan({ min: 1, max: formatSize }) };
  if (name !== "kubernetes.URL") return undefined;
  return { cost: scan({ min: 1, max: right.size?.max ?? 1 }) };
};

const groups: readonly (readonly [string, Estimator])[] = [
  ["check", () => ({ cost: exactly(350_000) })],
  ["serviceAccount path group resource subresource namespace name allowed reason error errored", one],
  ["fieldSelector labelSelector", selector],
  ["isSorted sum max min indexOf lastIndexOf", walk],
  ["url jsonpatch.escapeKey", scanArg],
  ["lowerAscii upperAscii substring trim", transform],
  ["replace", replace],
  ["split", split],
  ["join", join],
  ["find findAll", find],
  ["cidr isIP isCIDR quantity isQuantity semver isSemver", parse],
  ["ip", ip],
  ["ip.isCanonical", (call) => ({ cost: scan(sizeOf(call.args[0], call), 2) })],
  [
    "masked prefixLength family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast",
    one,
  ],
  ["containsIP", containsIp],
  ["containsCIDR", containsCidr],
  ["validate", validate],
  ["format.named", one],
  [
    "sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo add sub major minor patch",
    one,
  ],
  ["getScheme getHostname getHost getPort getEscapedPath getQuery", one],
  ["_==_", equality],
];

const byFunction = new Map(
  groups.flatMap(([names, run]) => names.split(" ").map((name) => [name, run] as const)),
);

const numberOf = (node: SizedNode | undefined, otherwise: number): number =>
  node?.expr?.kind === "literal" && typeof node.expr.value === "bigint" && node.expr.value >= 0n
    ? Number(node.expr.value)
    : otherwise;

const allocation = (size: Range, factor: number): CallEstimate => ({
  cost: plus(scaled(size, factor), exactly(1 + listCost)),
  size,
});

const sets =
  (factor: number): Estimator =>
  (call) => ({
    cost: plus(scaled(times(sizeOf(call.args[0], call), sizeOf(call.args[1], call)), factor), exactly(1)),
  });

const square = (size: Range, factor: number): CallEstimate => allocation(times(size, size), factor);

const byOverload = new Map<string, Estimator>([
  ["list_sets_contains_list", sets(1)],
  ["list_sets_intersects_list", sets(1)],
  ["list_sets_equivalent_list", sets(2)],
  [
    "list_slice",
    (call) => {
      const end = numberOf(call.args[1], sizeOf(call.target, call).max);
      return allocation(exactly(Math.max(0, end - numberOf(call.args[0], 0))), 1);
    },
  ],
  ["list_flatten", (call) => allocation(sizeOf(call.target, call), 1)],
  ["list_flatten_int", (call) => allocation(sizeOf(call.target, call), numberOf(call.args[0], costMax))],
  ["lists_range", (call) => allocation(exactly(numberOf(call.args[0], costMax)), 1)],
  ["list_reverse", (call) => allocation(sizeOf(call.target, call), 1)],
  ["list_distinct", (call) => square(sizeOf(call.target, call), 2)],
  ...["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"].flatMap(
    (type): [string, Estimator][] => {
      const factor = type === "string" || type === "bytes" ? 2 + textFactor : 2;
      return [
        [`list_${type}_sort`, (call) => square(sizeOf(call.target, call), factor)],
        [`list_${type}_sortByAssociatedKeys`, (call) => square(sizeOf(call.args[0], call), factor)],
      ];
    },
  ),
]);

/** undefined: the language's own functions, and what nobody has estimated. */
export function estimateCall(call: EstimatedCall): CallEstimate | undefined {
  return byOverload.get(call.overload)?.(call) ?? byFunction.get(call.fn)?.(call);
}

export const textSearch = search;
export const textScan = scan;
