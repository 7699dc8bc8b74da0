/**
 * The operations of a JSON patch as upstream's library takes them, which differs from RFC 6902: what a map doesn't have may be
 * replaced and is null for tests, indices may count from the end. Its words are seen where a webhook's patch doesn't apply.
 * upstream: gopkg.in/evanphx/json-patch.v4/patch.go
 */
import { ownValue } from "#base/own-value.ts";
import { goQuote } from "../meta/go-quote.ts";
import { goJson } from "../codec/go-json.ts";
import { goKind } from "../codec/kind-claim.ts";
import { copyJson, isList, isMap, jsonEqual, setValue, type JsonMap } from "./json-value.ts";

/** Why a patch doesn't apply. */
export class PatchFault extends Error {
  override readonly name = "PatchFault";
  readonly code = "PATCH";
  /** A test in it failed. */
  readonly isTest: boolean;

  constructor(message: string, isTest = false) {
    super(message);
    this.isTest = isTest;
  }
}

type Container = Record<string, unknown> | unknown[];

const missing = (what: string): PatchFault => new PatchFault(`${what}: missing value`);

/** Bytes of JSON that all copies of a patch may have together: each could double the document. upstream: JSONPatchMaxCopyBytes */
const copiedBytesMax = 3 * 2 ** 20;

/** What one patch has copied so far. */
export class Copies {
  #bytes = 0;

  /** Throws PatchFault. */
  add(value: unknown): void {
    this.#bytes += Buffer.byteLength(goJson(value));
    if (this.#bytes <= copiedBytesMax) return;
    throw new PatchFault(
      `Unable to complete the copy, the accumulated size increase of copy is ${this.#bytes}, exceeding the limit ${copiedBytesMax}`,
    );
  }
}

/** The document after the operation. `document` is the caller's to lose. Throws PatchFault. */
export function applyOperation(document: Container, operation: JsonMap, copies: Copies): Container {
  const op = ownValue(operation, "op");
  switch (op) {
    case "add":
      add(document, operation);
      return document;
    case "remove":
      remove(document, operation);
      return document;
    case "replace":
      return replace(document, operation);
    case "move":
      move(document, operation);
      return document;
    case "copy":
      copy(document, operation, copies);
      return document;
    case "test":
      check(document, operation);
      return document;
    default:
      throw new PatchFault(`Unexpected kind: ${typeof op === "string" ? op : "unknown"}`);
  }
}

const valueOf = (operation: JsonMap): unknown => copyJson(ownValue(operation, "value") ?? null);

function add(document: Container, operation: JsonMap): void {
  const path = ownValue(operation, "path");
  if (typeof path !== "string") throw missing("add operation failed to decode path");
  const place = placeOf(document, path);
  if (place === undefined) throw missing(`add operation does not apply: doc is missing path: "${path}"`);
  within(`error in add for path: '${path}'`, () => {
    put(place, valueOf(operation));
  });
}

function remove(document: Container, operation: JsonMap): void {
  const path = ownValue(operation, "path");
  if (typeof path !== "string") throw missing("remove operation failed to decode path");
  const place = placeOf(document, path);
  if (place === undefined) throw missing(`remove operation does not apply: doc is missing path: "${path}"`);
  within(`error in remove for path: '${path}'`, () => {
    take(place);
  });
}

function replace(document: Container, operation: JsonMap): Container {
  const path = textOf(operation, "path", "replace operation failed to decode path");
  const value = valueOf(operation);
  if (path === "") {
    if (isMap(value) || isList(value)) return value as Container;
    throw new PatchFault("replace operation value must be object or array: %!w(<nil>)");
  }
  const place = placeOf(document, path);
  if (place === undefined) throw missing(`replace operation does not apply: doc is missing path: ${path}`);
  const { container, key } = place;
  if (Array.isArray(container)) {
    const at = faultless(() => indexIn(container, key));
    if (at === undefined) throw missing(`replace operation does not apply: doc is missing key: ${path}`);
    container[at] = value;
  } else setValue(container, key, value);
  return document;
}

function move(document: Container, operation: JsonMap): void {
  const from = textOf(operation, "from", "move operation failed to decode from");
  const source = placeOf(document, from);
  if (source === undefined) throw missing(`move operation does not apply: doc is missing from path: ${from}`);
  const value = within(`error in move for path: '${source.key}'`, () => {
    const found = get(source);
    take(source);
    return found;
  });
  const path = textOf(operation, "path", "move operation failed to decode path");
  const target = placeOf(document, path);
  if (target === undefined) {
    throw missing(`move operation does not apply: doc is missing destination path: ${path}`);
  }
  within(`error in move for path: '${path}'`, () => {
    put(target, value);
  });
}

function copy(document: Container, operation: JsonMap, copies: Copies): void {
  const from = textOf(operation, "from", "copy operation failed to decode from");
  const source = placeOf(document, from);
  if (source === undefined) throw missing(`copy operation does not apply: doc is missing from path: ${from}`);
  const value = within(`error in copy for from: '${from}'`, () => copyJson(get(source)));
  const path = ownValue(operation, "path");
  if (typeof path !== "string") throw missing("copy operation failed to decode path");
  const target = placeOf(document, path);
  if (target === undefined) {
    throw missing(`copy operation does not apply: doc is missing destination path: ${path}`);
  }
  copies.add(value);
  within("error while adding value during copy", () => {
    put(target, value);
  });
}

function check(document: Container, operation: JsonMap): void {
  const path = textOf(operation, "path", "test operation failed to decode path");
  const wanted = ownValue(operation, "value") ?? null;
  const place = path === "" ? undefined : placeOf(document, path);
  if (place === undefined && path !== "") {
    throw missing(`test operation does not apply: is missing path: ${path}`);
  }
  const found =
    place === undefined ? document : within(`error in test for path: '${path}'`, () => get(place));
  if (!jsonEqual(found, wanted)) throw new PatchFault(`testing value ${path} failed: test failed`, true);
}

function textOf(operation: JsonMap, field: "path" | "from", what: string): string {
  const value = ownValue(operation, field) ?? null;
  if (typeof value === "string") return value;
  if (value === null) {
    throw missing(`${what}: operation${field === "from" ? "," : ""} missing ${field} field`);
  }
  throw new PatchFault(`${what}: json: cannot unmarshal ${goKind(value)} into Go value of type string`);
}

interface Place {
  readonly container: Container;
  readonly key: string;
}

const decodeKey = (key: string): string => key.replace(/~[01]/g, (escape) => (escape === "~1" ? "/" : "~"));

/** Undefined where there is nothing to hold it. What comes before the first slash doesn't count. */
function placeOf(document: Container, path: string): Place | undefined {
  const [, ...steps] = path.split("/");
  const key = steps.pop();
  if (key === undefined) return undefined;
  let container: unknown = document;
  for (const step of steps) {
    const at = { container: container as Container, key: decodeKey(step) };
    container = faultless(() => get(at));
    if (typeof container !== "object" || container === null) return undefined;
  }
  return { container: container as Container, key: decodeKey(key) };
}

/** Null for what a map doesn't have. Throws PatchFault for an index that a list doesn't have. */
function get({ container, key }: Place): unknown {
  if (Array.isArray(container)) return container[indexIn(container, key)];
  return ownValue(container, key) ?? null;
}

function put({ container, key }: Place, value: unknown): void {
  if (!Array.isArray(container)) setValue(container, key, value);
  else if (key === "-") container.push(value);
  else {
    const at = within(`value was not a proper array index: '${key}'`, () => numberOf(key));
    container.splice(checkedIndex(at, container.length + 1, at > container.length), 0, value);
  }
}

function take({ container, key }: Place): void {
  if (Array.isArray(container)) container.splice(indexIn(container, key), 1);
  else if (Object.hasOwn(container, key)) Reflect.deleteProperty(container, key);
  else throw missing(`Unable to remove nonexistent key: ${key}`);
}

function indexIn(list: readonly unknown[], key: string): number {
  const at = numberOf(key);
  return checkedIndex(at, list.length, at >= list.length);
}

/** Counted from the start. */
function checkedIndex(at: number, length: number, isBehind: boolean): number {
  if (isBehind || at < -length) {
    throw new PatchFault(`Unable to access invalid index: ${at}: invalid index referenced`);
  }
  return at < 0 ? at + length : at;
}

/** upstream: Go's strconv.Atoi */
function numberOf(key: string): number {
  const parsing = `strconv.Atoi: parsing ${goQuote(key)}`;
  if (!/^[+-]?\d+$/.test(key)) throw new PatchFault(`${parsing}: invalid syntax`);
  const value = Number(key);
  if (Math.abs(value) >= 2 ** 63) throw new PatchFault(`${parsing}: value out of range`);
  return value === 0 ? 0 : value;
}

function within<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PatchFault)) throw error;
    throw new PatchFault(`${what}: ${error.message}`);
  }
}

function faultless<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof PatchFault) return undefined;
    throw error;
  }
}
