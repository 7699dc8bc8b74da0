/** Which fields differ between two states of an object, for people to read. */

export interface ChangedField {
  /** ".spec.replicas", ".spec.containers[name=web].image", '.metadata.labels["a.b/c"]' */
  readonly path: string;
  /** Undefined: the field wasn't there. */
  readonly before: unknown;
  /** Undefined: the field is gone. */
  readonly after: unknown;
}

/** What says who manages which field isn't a change of the object. */
const ignored = new Set([".metadata.managedFields", ".metadata.resourceVersion"]);
/** What tells the items of a list apart, the likeliest first. */
const itemKeys = ["name", "type", "containerPort", "port", "ip", "uid", "key", "topologyKey"] as const;

export function changedFields(before: unknown, after: unknown): readonly ChangedField[] {
  const found: ChangedField[] = [];
  compare("", before, after, found);
  return found;
}

function compare(path: string, before: unknown, after: unknown, found: ChangedField[]): void {
  if (before === after || ignored.has(path)) return;
  if (isRecord(before) && isRecord(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(path + step(key), before[key], after[key], found);
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) compareLists(path, before, after, found);
  else found.push({ path: path === "" ? "." : path, before, after });
}

function compareLists(
  path: string,
  before: readonly unknown[],
  after: readonly unknown[],
  found: ChangedField[],
): void {
  const key = itemKeys.find((name) => isKeyOf(name, before) && isKeyOf(name, after));
  if (key === undefined) {
    for (let at = 0; at < Math.max(before.length, after.length); at++) {
      compare(`${path}[${at}]`, before[at], after[at], found);
    }
    return;
  }
  const byKey = (items: readonly unknown[]): Map<unknown, unknown> =>
    new Map(items.map((item) => [(item as Record<string, unknown>)[key], item]));
  const [old, now] = [byKey(before), byKey(after)];
  for (const value of new Set([...old.keys(), ...now.keys()])) {
    compare(`${path}[${key}=${String(value)}]`, old.get(value), now.get(value), found);
  }
}

/** Every item has it, and no two have the same. */
function isKeyOf(name: string, items: readonly unknown[]): boolean {
  const values = new Set<unknown>();
  for (const item of items) {
    const value = isRecord(item) ? item[name] : undefined;
    if (!["string", "number", "bigint"].includes(typeof value)) return false;
    values.add(value);
  }
  return values.size === items.length;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const step = (key: string): string =>
  /^[A-Za-z_][\w-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;

const shownMax = 60;

/** ".spec.replicas: 1 → 3" */
export function changeText({ path, before, after }: ChangedField): string {
  if (before === undefined) return `${path}: + ${shown(after)}`;
  if (after === undefined) return `${path}: - ${shown(before)}`;
  return `${path}: ${shown(before)} → ${shown(after)}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= shownMax ? text : `${text.slice(0, shownMax - 1)}…`;
}
