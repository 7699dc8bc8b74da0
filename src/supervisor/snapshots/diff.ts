/** What differs between two states of a store: objects that came, went or changed, by kind, namespace and name. */
import { parseExact } from "#base/exact-json.ts";
import { crc32 } from "node:zlib";
import { changedFields, changeText } from "#api/meta/changed-fields.ts";
import type { AnyObject } from "#api/meta/object.ts";

/** An object's key and bytes; both sides in the order of keys. */
export interface StateEntry {
  readonly key: string;
  readonly value: Buffer;
}

export type Difference =
  | { readonly kind: "added" | "removed"; readonly object: AnyObject }
  | { readonly kind: "changed"; readonly object: AnyObject; readonly before: AnyObject };

const registry = "/registry/";

/** Only objects of the API; what else a store holds belongs to its own clients. */
export function* differences(
  before: Iterable<StateEntry>,
  after: Iterable<StateEntry>,
): Generator<Difference, void, undefined> {
  const [old, now] = [before[Symbol.iterator](), after[Symbol.iterator]()];
  let [a, b] = [nextObject(old), nextObject(now)];
  while (a !== undefined || b !== undefined) {
    const order =
      a === undefined ? 1 : b === undefined ? -1 : Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
    if (order < 0 && a !== undefined) yield { kind: "removed", object: parse(a) };
    if (order > 0 && b !== undefined) yield { kind: "added", object: parse(b) };
    if (order === 0 && a !== undefined && b !== undefined && !a.value.equals(b.value)) {
      yield { kind: "changed", object: parse(b), before: parse(a) };
    }
    if (order <= 0) a = nextObject(old);
    if (order >= 0) b = nextObject(now);
  }
}

function nextObject(entries: Iterator<StateEntry>): StateEntry | undefined {
  for (let next = entries.next(); next.done !== true; next = entries.next()) {
    if (next.value.key.startsWith(registry)) return next.value;
  }
  return undefined;
}

/** An encrypted object is shown as such, under its key. */
function parse({ key, value }: StateEntry): AnyObject {
  if (value[0] === "{".charCodeAt(0)) return parseExact(value.toString("utf8")) as AnyObject;
  const [, kind = "", namespace, name = ""] =
    /^\/registry\/(?:(.*?)\/)?(?:([^/]*)\/)?([^/]*)$/.exec(key) ?? [];
  return {
    kind: `encrypted ${kind}`,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    data: `${value.length} bytes, CRC-32 ${crc32(value)}`,
  };
}

/** What every running cluster writes all the time. */
const noisy = new Set(["Lease", "Event"]);

export interface DiffText {
  readonly lines: readonly string[];
  /** Differences that aren't shown, being Leases and Events. */
  readonly hidden: number;
}

export function diffText(
  found: Iterable<Difference>,
  { showsAll }: { readonly showsAll: boolean },
): DiffText {
  const lines: string[] = [];
  let hidden = 0;
  for (const difference of found) {
    const { object, kind } = difference;
    if (!showsAll && noisy.has(object.kind ?? "")) {
      hidden++;
      continue;
    }
    if (kind !== "changed") {
      lines.push(`${kind === "added" ? "+" : "-"} ${nameOf(object)}`);
      continue;
    }
    const changes = changedFields(difference.before, object);
    if (changes.length === 0) continue;
    lines.push(`~ ${nameOf(object)}`, ...changes.map((change) => `    ${changeText(change)}`));
  }
  return { lines, hidden };
}

/** "Deployment default/web" */
function nameOf({ kind, metadata }: AnyObject): string {
  const namespace = metadata?.namespace === undefined ? "" : `${metadata.namespace}/`;
  return `${kind} ${namespace}${metadata?.name ?? ""}`;
}
