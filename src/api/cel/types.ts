/** Types as the checker sees them. upstream: cel-go common/types/types.go, checker/{types,format}.go */

export type CelType =
  | { readonly kind: SimpleKind }
  | { readonly kind: "list"; readonly elem: CelType }
  | { readonly kind: "map"; readonly key: CelType; readonly value: CelType }
  /** A declared object; its fields are asked of a `TypeProvider`. */
  | { readonly kind: "object"; readonly name: string }
  | { readonly kind: "opaque"; readonly name: string; readonly params: readonly CelType[] }
  | { readonly kind: "type"; readonly of: CelType | undefined }
  | { readonly kind: "param"; readonly name: string };

export type SimpleKind =
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "null"
  | "timestamp"
  | "duration"
  | "dyn"
  | "error";

const simple = (kind: SimpleKind): CelType => ({ kind });

export const boolType = simple("bool");
export const intType = simple("int");
export const uintType = simple("uint");
export const doubleType = simple("double");
export const stringType = simple("string");
export const bytesType = simple("bytes");
export const nullType = simple("null");
export const timestampType = simple("timestamp");
export const durationType = simple("duration");
export const dynType = simple("dyn");
export const errorType = simple("error");

export const listType = (elem: CelType): CelType => ({ kind: "list", elem });
export const mapType = (key: CelType, value: CelType): CelType => ({ kind: "map", key, value });
export const objectType = (name: string): CelType => ({ kind: "object", name });
export const optionalType = (of: CelType): CelType => ({
  kind: "opaque",
  name: "optional_type",
  params: [of],
});

export function paramsOf(type: CelType): readonly CelType[] {
  switch (type.kind) {
    case "list":
      return [type.elem];
    case "map":
      return [type.key, type.value];
    case "opaque":
      return type.params;
    case "type":
      return type.of === undefined ? [] : [type.of];
    default:
      return [];
  }
}

export function withParams(type: CelType, params: readonly CelType[]): CelType {
  const [first = dynType, second = dynType] = params;
  switch (type.kind) {
    case "list":
      return listType(first);
    case "map":
      return mapType(first, second);
    case "opaque":
      return { ...type, params };
    case "type":
      return type.of === undefined ? type : { kind: "type", of: first };
    default:
      return type;
  }
}

const nameOf = (type: CelType): string =>
  type.kind === "object" || type.kind === "opaque" || type.kind === "param" ? type.name : type.kind;

/** As the checker's messages say it. */
export function formatType(type: CelType): string {
  if (type.kind === "error") return "!error!";
  const params = paramsOf(type);
  return params.length === 0 ? nameOf(type) : `${nameOf(type)}(${params.map(formatType).join(", ")})`;
}

/** The name that a value of this type has at run time: what `type(x)` yields, and how Kubernetes' messages say it. */
export function runtimeName(type: CelType): string {
  switch (type.kind) {
    case "null":
      return "null_type";
    case "timestamp":
      return "google.protobuf.Timestamp";
    case "duration":
      return "google.protobuf.Duration";
    default:
      return nameOf(type);
  }
}

export function describeType(type: CelType): string {
  const params = paramsOf(type);
  return params.length === 0
    ? runtimeName(type)
    : `${runtimeName(type)}(${params.map(describeType).join(", ")})`;
}

export function sameType(a: CelType, b: CelType): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || nameOf(a) !== nameOf(b)) return false;
  const theirs = paramsOf(b);
  const own = paramsOf(a);
  return (
    own.length === theirs.length && own.every((param, index) => sameType(param, theirs[index] ?? errorType))
  );
}

/** What stands for type parameters so far. */
export class Substitutions {
  #bound: Map<string, CelType>;

  constructor(bound: ReadonlyMap<string, CelType> = new Map()) {
    this.#bound = new Map(bound);
  }

  copy(): Substitutions {
    return new Substitutions(this.#bound);
  }

  adopt(other: Substitutions): void {
    this.#bound = other.#bound;
  }

  find(type: CelType): CelType | undefined {
    return type.kind === "param" ? this.#bound.get(type.name) : undefined;
  }

  bind(param: CelType, type: CelType): void {
    if (param.kind === "param") this.#bound.set(param.name, type);
  }

  /** `type` with everything known filled in; `unboundToDyn` at the end, when nothing more will be learnt. */
  apply(type: CelType, unboundToDyn: boolean): CelType {
    const bound = this.find(type);
    if (bound !== undefined) return this.apply(bound, unboundToDyn);
    if (type.kind === "param") return unboundToDyn ? dynType : type;
    const params = paramsOf(type);
    if (params.length === 0) return type;
    return withParams(
      type,
      params.map((param) => this.apply(param, unboundToDyn)),
    );
  }
}

const isLoose = (type: CelType): boolean => type.kind === "dyn" || type.kind === "error";

const primitives = new Set(["bool", "int", "uint", "double", "string", "bytes"]);

/** Learns into `known` only if it holds. */
export function isAssignable(
  known: Substitutions,
  from: readonly CelType[],
  to: readonly CelType[],
): boolean {
  const attempt = known.copy();
  if (!areAssignable(attempt, from, to)) return false;
  known.adopt(attempt);
  return true;
}

function areAssignable(known: Substitutions, from: readonly CelType[], to: readonly CelType[]): boolean {
  return from.length === to.length && from.every((type, index) => fits(known, type, to[index] ?? errorType));
}

function fits(known: Substitutions, from: CelType, to: CelType): boolean {
  if (to.kind === "param") {
    const { valid, wasBound } = substitutes(known, from, to);
    if (valid) return true;
    if (wasBound) return false;
  }
  if (from.kind === "param") return substitutes(known, to, from).valid;
  if (isLoose(from) || isLoose(to)) return true;
  if (from.kind === "null") return isNullable(to);
  if (to.kind === "null" && !primitives.has(from.kind)) return isNullable(from);
  if (from.kind !== to.kind) return false;
  if (from.kind === "type") return true;
  return nameOf(from) === nameOf(to) && areAssignable(known, paramsOf(from), paramsOf(to));
}

function isNullable(type: CelType): boolean {
  const { kind } = type;
  return (
    kind === "null" ||
    kind === "object" ||
    kind === "timestamp" ||
    kind === "duration" ||
    (kind === "opaque" && type.name !== "optional_type")
  );
}

/** Whether `type` may stand for `param`, and whether that already stood for something. */
function substitutes(
  known: Substitutions,
  type: CelType,
  param: CelType,
): { readonly valid: boolean; readonly wasBound: boolean } {
  if (sameType(type, param)) return { valid: true, wasBound: false };
  const bound = known.find(param);
  if (bound !== undefined) {
    if (sameType(type, bound)) return { valid: true, wasBound: true };
    if (!fits(known, type, bound)) return { valid: false, wasBound: true };
    const wider = mostGeneral(type, bound);
    // To learn the two is one thing, to make a parameter stand for itself by a detour another.
    if (!occursIn(known, param, wider)) known.bind(param, wider);
    return { valid: true, wasBound: true };
  }
  if (occursIn(known, param, type)) return { valid: false, wasBound: false };
  known.bind(param, type);
  return { valid: true, wasBound: false };
}

function occursIn(known: Substitutions, param: CelType, type: CelType): boolean {
  if (sameType(param, type)) return true;
  const bound = known.find(type);
  if (bound !== undefined) return occursIn(known, param, bound);
  return paramsOf(type).some((each) => occursIn(known, param, each));
}

/** The less specific of two types that fit each other. */
export function mostGeneral(a: CelType, b: CelType): CelType {
  return isLessSpecific(a, b) ? a : b;
}

function isLessSpecific(a: CelType, b: CelType): boolean {
  if (a.kind === "dyn" || a.kind === "param") return true;
  if (b.kind === "dyn" || b.kind === "param") return false;
  if (a.kind !== b.kind) return false;
  if (a.kind === "type") return true;
  const theirs = paramsOf(b);
  return (
    nameOf(a) === nameOf(b) &&
    paramsOf(a).every((param, index) => isLessSpecific(param, theirs[index] ?? errorType))
  );
}
