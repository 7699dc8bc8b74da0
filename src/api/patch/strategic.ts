/**
 * Strategic merge patch, the server's side: maps are merged, lists by the merge key that their field declares.
 * upstream: apimachinery/pkg/util/strategicpatch/patch.go
 */
import { ownValue } from "#base/own-value.ts";
import { badRequestError, failure } from "../meta/status.ts";
import type { FieldType, StructType, TypeTable } from "../schema/type-table.ts";
import { goText, isList, isMap, setValue, withoutKey, type JsonMap } from "./json-value.ts";
import { identityText, orderedMerge, ordersAgree } from "./list-order.ts";

const directiveKey = "$patch";
const retainKeysKey = "$retainKeys";
const deletePrefix = "$deleteFromPrimitiveList/";
const orderPrefix = "$setElementOrder/";

/** What is known of the keys of a map: those of a struct, those of a map field (all alike), or nothing. */
interface Schema {
  readonly struct?: StructType | undefined;
  readonly values?: FieldType | undefined;
}

const unknownSchema: Schema = {};

/** How one list is merged. */
interface ListRule {
  readonly merged: boolean;
  /** Empty for lists of primitives. */
  readonly key: string;
  readonly items: Schema;
}

/** A new object; neither the original nor the patch is changed. Throws StatusError. */
export function applyStrategic(
  original: JsonMap,
  patch: JsonMap,
  structName: string,
  table: TypeTable,
): JsonMap {
  return new Merger(table).mergeMap(original, patch, { struct: table.struct(structName) });
}

const badRetainKeys = (): Error => badRequestError("invalid patch format of retainKeys");
/** upstream answers these without a reason. */
const refused = (message: string): Error => failure({ code: 500, reason: "", message });
const noMergeKey = (item: JsonMap, key: string): Error =>
  refused(`map: ${goText(item)} does not contain declared merge key: ${key}`);
const unknownDirective = (directive: unknown, item: JsonMap): Error =>
  refused(`unknown patch type: ${goText(directive)} in map: ${goText(item)}`);

const listOfLists = (): Error =>
  failure({
    code: 422,
    reason: "Invalid",
    message: "the server rejected our request due to an error in our request",
    details: {},
  });

class Merger {
  readonly #table: TypeTable;

  constructor(table: TypeTable) {
    this.#table = table;
  }

  mergeMap(original: JsonMap | undefined, patch: JsonMap, schema: Schema): JsonMap {
    const directive = ownValue(patch, directiveKey);
    if (directive !== undefined) return mapOfDirective(directive, patch);
    const { kept, changes } = applyRetainKeys(original ?? {}, patch);
    const { base, rest } = this.#applyOrders(kept, changes, schema);
    const result: Record<string, unknown> = { ...base };
    for (const [key, value] of Object.entries(rest)) {
      if (key.startsWith(deletePrefix)) deletePrimitives(result, key.slice(deletePrefix.length), value);
      else if (value === null) Reflect.deleteProperty(result, key);
      else this.#mergeValue(result, key, value, schema);
    }
    return result;
  }

  #mergeValue(result: Record<string, unknown>, key: string, value: unknown, schema: Schema): void {
    const before = ownValue(result, key);
    const field = fieldOf(schema, key);
    if (isMap(before) && isMap(value)) {
      const replaced = field?.patchStrategy.includes("replace") === true;
      const merged = replaced ? cleaned(value) : this.mergeMap(before, value, this.#schemaOf(field));
      if (merged === dropped) Reflect.deleteProperty(result, key);
      else setValue(result, key, merged);
    } else if (isList(before) && isList(value)) {
      setValue(result, key, this.#mergeList(before, value, this.#ruleOf(field)));
    } else {
      const taken = cleaned(value);
      if (taken !== dropped) setValue(result, key, taken);
    }
  }

  #schemaOf(field: FieldType | undefined): Schema {
    if (field === undefined) return unknownSchema;
    if (field.shape === "map") return { values: { ...field, shape: "one" } };
    return { struct: field.struct === undefined ? undefined : this.#table.struct(field.struct) };
  }

  #ruleOf(field: FieldType | undefined): ListRule {
    const items = field === undefined ? unknownSchema : this.#schemaOf({ ...field, shape: "one" });
    return {
      merged: field?.patchStrategy.includes("merge") === true,
      key: field?.patchMergeKey ?? "",
      items,
    };
  }

  #mergeList(original: readonly unknown[], patch: readonly unknown[], rule: ListRule): readonly unknown[] {
    if (!rule.merged) return cleanedList(patch);
    if (original.length === 0 && patch.length === 0) return original;
    if ([...original, ...patch].some(isList)) throw listOfLists();
    const first = original[0] ?? patch[0];
    if (!isMap(first)) return mergePrimitives(original, patch);
    if (rule.key === "") throw refused("cannot merge lists without merge key");
    const { base, items, replaced } = applyListDirectives(original, patch, rule.key);
    const merged = replaced ? base : this.#mergeItems(base, items, rule);
    return orderedMerge(merged, items, base, rule.key);
  }

  #mergeItems(base: readonly unknown[], items: readonly JsonMap[], rule: ListRule): readonly unknown[] {
    const merged: unknown[] = [];
    const places = new Map<string, number>();
    const append = (item: unknown): void => {
      if (isMap(item)) {
        const text = identityText(item, rule.key);
        if (!places.has(text)) places.set(text, merged.length);
      }
      merged.push(item);
    };
    base.forEach(append);
    for (const item of items) {
      if (ownValue(item, rule.key) === undefined) throw noMergeKey(item, rule.key);
      const at = places.get(identityText(item, rule.key)) ?? -1;
      const before = at < 0 ? undefined : merged[at];
      if (isMap(before)) merged[at] = this.mergeMap(before, item, rule.items);
      else append(cleaned(item));
    }
    return merged;
  }

  /** Lists that come with $setElementOrder are merged first and leave the patch. */
  #applyOrders(base: JsonMap, patch: JsonMap, schema: Schema): { base: JsonMap; rest: JsonMap } {
    const orders = Object.entries(patch).filter(([key]) => key.startsWith(orderPrefix));
    if (orders.length === 0) return { base, rest: patch };
    const result: Record<string, unknown> = { ...base };
    const rest: Record<string, unknown> = { ...patch };
    for (const [key, order] of orders) {
      const name = key.slice(orderPrefix.length);
      if (!isList(order)) throw badRequestError("invalid patch format of setElementOrder list");
      const before = ownValue(base, name);
      const changes = ownValue(patch, name);
      Reflect.deleteProperty(rest, key);
      // A null deletes the list: nothing is left to order.
      if (changes === null || (!isList(before) && !isList(changes))) continue;
      Reflect.deleteProperty(rest, name);
      setValue(
        result,
        name,
        this.#mergeOrdered(isList(before) ? before : undefined, isList(changes) ? changes : undefined, {
          order,
          rule: this.#ruleOf(fieldOf(schema, name)),
        }),
      );
    }
    return { base: result, rest };
  }

  #mergeOrdered(
    before: readonly unknown[] | undefined,
    changes: readonly unknown[] | undefined,
    { order, rule }: { order: readonly unknown[]; rule: ListRule },
  ): readonly unknown[] {
    if (changes !== undefined && !ordersAgree(changes.filter(notDeleted), order, rule.key)) {
      throw refused(
        `The order in patch list:\n${goText(changes)}\n doesn't match ${orderPrefix.slice(0, -1)} list:\n${goText(order)}\n`,
      );
    }
    const merged =
      changes === undefined
        ? (before ?? [])
        : before === undefined
          ? cleanedList(changes)
          : this.#mergeList(before, changes, rule);
    return orderedMerge(merged, order, before ?? [], rule.key);
  }
}

function fieldOf(schema: Schema, key: string): FieldType | undefined {
  return schema.values ?? schema.struct?.byName.get(key);
}

const notDeleted = (item: unknown): boolean => !(isMap(item) && ownValue(item, directiveKey) === "delete");

function mapOfDirective(directive: unknown, patch: JsonMap): JsonMap {
  if (directive === "delete") return {};
  if (directive !== "replace") throw unknownDirective(directive, patch);
  const rest = cleaned(withoutKey(patch, directiveKey));
  return isMap(rest) ? rest : {};
}

function applyRetainKeys(original: JsonMap, patch: JsonMap): { kept: JsonMap; changes: JsonMap } {
  const list = ownValue(patch, retainKeysKey);
  if (list === undefined) return { kept: original, changes: patch };
  if (!isList(list)) throw badRetainKeys();
  const changes = withoutKey(patch, retainKeysKey);
  const retained = new Set(list);
  for (const [key, value] of Object.entries(changes)) {
    const isData = value !== null && !key.startsWith(deletePrefix) && !key.startsWith(orderPrefix);
    if (isData && !retained.has(key)) throw badRetainKeys();
  }
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(original)) {
    if (retained.has(key)) setValue(kept, key, value);
  }
  return { kept, changes };
}

function deletePrimitives(result: Record<string, unknown>, name: string, values: unknown): void {
  if (!isList(values)) throw badRequestError("invalid patch format of primitive list");
  const before = ownValue(result, name);
  if (!isList(before)) return;
  const gone = new Set(values);
  setValue(
    result,
    name,
    before.filter((item) => !gone.has(item)),
  );
}

function mergePrimitives(original: readonly unknown[], patch: readonly unknown[]): readonly unknown[] {
  const merged = [...new Set([...original, ...patch])];
  return orderedMerge(merged, [...new Set(patch)], original, "");
}

interface ListDirectives {
  readonly base: readonly unknown[];
  readonly items: readonly JsonMap[];
  readonly replaced: boolean;
}

/** Takes the items that say "$patch" out of the patch and does what they say. */
function applyListDirectives(
  original: readonly unknown[],
  patch: readonly unknown[],
  mergeKey: string,
): ListDirectives {
  const items: JsonMap[] = [];
  const gone = new Set<string>();
  let replaced = false;
  for (const item of patch) {
    if (!isMap(item)) throw badRequestError("invalid JSON document");
    const directive = ownValue(item, directiveKey);
    if (directive === undefined) items.push(item);
    else if (directive === "replace") replaced = true;
    else if (directive === "delete") {
      if (ownValue(item, mergeKey) === undefined) throw noMergeKey(item, mergeKey);
      gone.add(identityText(item, mergeKey));
    } else if (directive === "merge") {
      throw refused("merging lists cannot yet be specified in the patch");
    } else throw unknownDirective(directive, item);
  }
  if (replaced) return { base: cleanedList(items), items: [], replaced };
  const base = original.filter((one) => !isMap(one) || !gone.has(identityText(one, mergeKey)));
  return { base, items, replaced };
}

/** Stands for a value that its own directive takes away. */
const dropped = Symbol("dropped");

/** A value that is new to the object: directives and nulls, which have nothing to act on, are gone. */
function cleaned(value: unknown): unknown {
  if (isList(value)) return cleanedList(value);
  if (!isMap(value)) return value;
  if (ownValue(value, directiveKey) === "delete") return dropped;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const isDirective =
      key === directiveKey ||
      key === retainKeysKey ||
      key.startsWith(deletePrefix) ||
      key.startsWith(orderPrefix);
    if (isDirective || item === null) continue;
    const taken = cleaned(item);
    if (taken !== dropped) setValue(result, key, taken);
  }
  return result;
}

/** An item that is nothing but a directive ("$patch: replace") disappears too. */
function cleanedList(list: readonly unknown[]): readonly unknown[] {
  return list
    .filter((item) => !(isMap(item) && ownValue(item, directiveKey) === "replace"))
    .map(cleaned)
    .filter((item) => item !== dropped);
}
