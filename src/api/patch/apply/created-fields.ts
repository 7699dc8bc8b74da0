/**
 * FieldsV1 of what is new, as text and without making sets: the same that compare.ts finds between nothing and the
 * object. Whoever creates an object manages all it holds, so that no sets need be compared.
 */
import { ownValue } from "#base/own-value.ts";
import { isList, isMap, jsonEqual, type JsonMap } from "../json-value.ts";
import { formOf, itemsByKey } from "./list-items.ts";
import { compareKeys, fieldKey, isPlainText, itemKeyOf } from "./path-element.ts";
import {
  deducedType,
  type ApplyType,
  type Field,
  type ListType,
  type MapType,
  type StructShape,
} from "./schema.ts";

const leafText = "{}";
const memberText = '{".":{}';

export interface SkippedFields {
  readonly fields: ReadonlySet<string>;
  readonly metadata: ReadonlySet<string>;
}

/** What is managed of an object without anything before it, "{}" for nothing. */
export function createdFields(object: JsonMap, type: ApplyType, skipped: SkippedFields): string {
  if (type.map === undefined) return leafText;
  const metaType = type.map.field("metadata")?.type ?? deducedType;
  const metadata = ownValue(object, "metadata");
  const ofMetadata =
    isMap(metadata) && metaType.map !== undefined
      ? below(newEntries(metadata, metaType.map, skipped.metadata))
      : "";
  return `{${newEntries(object, type.map, skipped.fields, ofMetadata)}}`;
}

const byKey = ([a]: readonly [string, string], [b]: readonly [string, string]): number => compareKeys(a, b);
const joined = (entries: readonly (readonly [string, string])[]): string =>
  entries.map(([key, node]) => `${keyText(key)}:${node}`).join(",");

const noneSkipped: ReadonlySet<string> = new Set();

/**
 * The fields below a value that stands where its type's own value stood, which nobody manages. `ofMetadata` is what the
 * object's metadata has come to, which is skipped itself.
 */
function newEntries(value: JsonMap, type: MapType, skipped: ReadonlySet<string>, ofMetadata = ""): string {
  if (type.element !== undefined) return newMixed(value, type, skipped, ofMetadata);
  let text = "";
  for (const field of shapeOf(value, type).present) {
    const { name } = field;
    const own = name === "metadata" ? ofMetadata : "";
    const node = skipped.has(name) ? own : newField(value, field);
    if (node !== "") text += `${text === "" ? "" : ","}${keyText(field.key)}:${node}`;
  }
  return text;
}

function newMixed(value: JsonMap, type: MapType, skipped: ReadonlySet<string>, ofMetadata: string): string {
  const entries: [string, string][] = ofMetadata === "" ? [] : [["f:metadata", ofMetadata]];
  for (const field of type.fields) {
    const node = skipped.has(field.name) ? "" : newField(value, field);
    if (node !== "") entries.push([field.key, node]);
  }
  for (const name of Object.keys(value)) {
    const inner = ownValue(value, name);
    if (inner === undefined || skipped.has(name) || type.field(name) !== undefined) continue;
    entries.push([fieldKey(name), whole(inner, type.element ?? deducedType)]);
  }
  return joined(entries.toSorted(byKey));
}

function newField(value: JsonMap, { name, fill, type }: Field): string {
  const own = ownValue(value, name);
  if (own === undefined) return "";
  return fill === undefined ? whole(own, type) : instead(fill, own, type);
}

/** A value in place of what Go's struct holds anyway; "" where that is the same. */
function instead(fill: unknown, value: unknown, type: ApplyType): string {
  if (value === fill) return "";
  const form = fill === null ? formOf(type, value) : isMap(fill) ? "map" : "scalar";
  if (form === "list") return insteadOfList(value, type.list);
  if (form === "map" && type.map?.isAtomic === false && isMap(value) && !isEmptyMap(value)) {
    return below(newEntries(value, type.map, noneSkipped));
  }
  return jsonEqual(fill, value) ? "" : leafText;
}

function insteadOfList(value: unknown, type: ListType | undefined): string {
  if (!isList(value) || value.length === 0) return type?.isSlice === false ? leafText : "";
  return type?.isAtomic === false ? below(listEntries(value, type)) : leafText;
}

const below = (entries: string): string => (entries === "" ? "" : `{${entries}}`);

function isEmptyMap(map: JsonMap): boolean {
  for (const _ in map) return false;
  return true;
}

/** A value and all that is below it. */
function whole(value: unknown, { map, list }: ApplyType): string {
  if (map !== undefined && !map.isAtomic && isMap(value)) {
    return map.element === undefined ? wholeStruct(value, map) : wholeMap(value, map, map.element);
  }
  if (list !== undefined && !list.isAtomic && isList(value) && value.length > 0) {
    return member(listEntries(value, list));
  }
  return leafText;
}

const member = (entries: string): string => (entries === "" ? leafText : `${memberText},${entries}}`);

function wholeStruct(value: JsonMap, type: MapType): string {
  const { texts, inner } = shapeOf(value, type);
  let text = texts[0] ?? "";
  for (let at = 0; at < inner.length; at++) {
    const field = inner[at] as Field;
    text += whole(value[field.name], field.type) + (texts[at + 1] ?? "");
  }
  return text;
}

function wholeMap(value: JsonMap, type: MapType, element: ApplyType): string {
  const { fields } = type;
  if (fields.length > 0) return wholeMixed(value, type, element);
  const names = Object.keys(value);
  if (names.length > 1) names.sort(compareTexts);
  const isLeaf = !mayHaveFields(element);
  let text = "";
  for (const name of names) {
    const node = isLeaf ? leafText : whole(ownValue(value, name), element);
    text += `${text === "" ? "" : ","}${keyText(fieldKey(name))}:${node}`;
  }
  return member(text);
}

/** A struct that holds other keys, too: some custom resources are. */
function wholeMixed(value: JsonMap, type: MapType, element: ApplyType): string {
  const entries: [string, string][] = [];
  for (const { name, key, fill, type: own } of type.fields) {
    const [inner = fill] = [ownValue(value, name)];
    if (inner !== undefined) entries.push([key, whole(inner, own)]);
  }
  for (const name of Object.keys(value)) {
    if (type.field(name) === undefined) entries.push([fieldKey(name), whole(value[name], element)]);
  }
  return member(joined(entries.toSorted(byKey)));
}

const mayHaveFields = ({ map, list }: ApplyType): boolean =>
  (map !== undefined && !map.isAtomic) || (list !== undefined && !list.isAtomic);

function listEntries(items: readonly unknown[], type: ListType): string {
  return textKeyed(items, type) ?? anyKeyed(items, type);
}

function anyKeyed(items: readonly unknown[], type: ListType): string {
  const entries = itemsByKey(type, items).map(({ key, items: same }): [string, string] => [
    key,
    same.length > 1 ? leafText : whole(same[0], type.element),
  ]);
  return joined(entries);
}

/** Items told apart by one text, which is the rule; undefined for others. */
function textKeyed(items: readonly unknown[], { keys, element }: ListType): string | undefined {
  const [name] = keys;
  if (name === undefined || keys.length > 1) return undefined;
  const texts: string[] = [];
  for (const item of items) {
    const text = isMap(item) ? ownValue(item, name) : undefined;
    if (typeof text !== "string") return undefined;
    texts.push(text);
  }
  const order = orderOf(texts);
  let entries = "";
  let before: string | undefined;
  for (const at of order) {
    const text = texts[at] ?? "";
    if (text === before) return undefined;
    before = text;
    const key = isPlainText(text)
      ? `"k:{\\"${name}\\":\\"${text}\\"}":`
      : `${JSON.stringify(itemKeyOf(name, text))}:`;
    entries += (entries === "" ? key : `,${key}`) + whole(items[at], element);
  }
  return entries;
}

/** Longer lists aren't written by hand. */
const insertedMax = 32;

/** The indexes of texts in the texts' order. Lists are short and nearly sorted: each is put where it belongs. */
function orderOf(texts: readonly string[]): number[] {
  const order: number[] = [];
  for (let index = 0; index < texts.length; index++) order.push(index);
  const compare = (a: number, b: number): number => compareTexts(texts[a] ?? "", texts[b] ?? "");
  if (texts.length > insertedMax) return order.toSorted(compare);
  for (let index = 1; index < order.length; index++) {
    const text = texts[index] ?? "";
    let at = index;
    for (; at > 0 && (texts[order[at - 1] ?? 0] ?? "") > text; at--) order[at] = order[at - 1] ?? 0;
    order[at] = index;
  }
  return order;
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const keyText = (key: string): string => (isPlainText(key) ? `"${key}"` : JSON.stringify(key));

/** Of a struct without other keys. */
function shapeOf(value: JsonMap, type: MapType): StructShape {
  const { shapes } = type;
  let order = shapes.root;
  for (const name in value) {
    if (value[name] === undefined) continue;
    const next = order.next(name);
    if (next !== undefined) order = next;
    else if (type.field(name) !== undefined) order = shapes.after(order, name);
  }
  return (order.made ??= makeShape(new Set(order.names()), type));
}

function makeShape(held: ReadonlySet<string>, type: MapType): StructShape {
  const present = type.fields.filter(({ name }) => held.has(name));
  const inner: Field[] = [];
  const texts: string[] = [];
  let text = memberText;
  for (const field of type.fields) {
    const isHeld = held.has(field.name);
    if (!isHeld && field.fill === undefined) continue;
    text += `,${keyText(field.key)}:`;
    if (isHeld && mayHaveFields(field.type)) {
      texts.push(text);
      inner.push(field);
      text = "";
    } else text += isHeld ? leafText : whole(field.fill, field.type);
  }
  texts.push(text === memberText ? leafText : `${text}}`);
  return { present, texts, inner };
}
