/** Small damage to values, texts and bytes. Nothing given is changed. */
import type { Choice } from "./choice.ts";

/** A copy with one to three places replaced, removed, doubled or renamed. */
export function mutateValue(value: unknown, choice: Choice): unknown {
  let mutant = structuredClone(value);
  for (let rest = 1 + choice.int(3); rest > 0; rest--) mutant = mutateOnce(mutant, choice);
  return mutant;
}

type Parent = Record<string, unknown> | unknown[];
const isParent = (value: unknown): value is Parent => typeof value === "object" && value !== null;

function mutateOnce(root: unknown, choice: Choice): unknown {
  const parents: Parent[] = [];
  const walk = (value: unknown): void => {
    if (!isParent(value)) return;
    parents.push(value);
    for (const child of Object.values(value)) walk(child);
  };
  walk(root);
  if (parents.length === 0) return choice.hostileValue();
  const parent = choice.pick(parents);
  if (Array.isArray(parent)) damageList(parent, choice);
  else damageObject(parent, choice);
  return root;
}

function damageList(list: unknown[], choice: Choice): void {
  const at = choice.int(list.length + 1);
  const kind = choice.int(3);
  if (kind === 0) list.splice(at, 0, choice.hostileValue());
  else if (kind === 1) list.splice(at, 1);
  else list.splice(at, 0, structuredClone(list[choice.int(list.length)] ?? null));
}

function damageObject(object: Record<string, unknown>, choice: Choice): void {
  const names = Object.keys(object);
  const name = names.length === 0 ? choice.hostileText() : choice.pick(names);
  const kind = choice.int(4);
  if (kind === 0) set(object, name, choice.hostileValue());
  else if (kind === 1) Reflect.deleteProperty(object, name);
  else if (kind === 2) set(object, choice.hostileText(), choice.hostileValue());
  else set(object, choice.pick(names.length === 0 ? ["x"] : names), structuredClone(ownValue(object, name)));
}

const ownValue = (object: Record<string, unknown>, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : null;

/** As an own property, whatever its name. */
function set(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

export function mutateBytes(bytes: Buffer, choice: Choice): Buffer {
  let mutant = Buffer.from(bytes);
  for (let rest = 1 + choice.int(4); rest > 0; rest--) {
    const at = choice.int(mutant.length + 1);
    const kind = choice.int(5);
    if (kind === 0 && at < mutant.length) mutant[at] = choice.int(256);
    else if (kind === 1) mutant = mutant.subarray(0, at);
    else if (kind === 2) {
      mutant = joined(mutant.subarray(0, at), choice.bytes(1 + choice.int(8)), mutant.subarray(at));
    } else if (kind === 3) mutant = joined(mutant.subarray(0, at), mutant.subarray(at + 1 + choice.int(8)));
    else mutant = joined(mutant, mutant.subarray(at, at + 64));
  }
  return mutant;
}

const joined = (...parts: readonly Buffer[]): Buffer<ArrayBuffer> => Buffer.concat(parts);

export function mutateText(text: string, choice: Choice): string {
  const at = choice.int(text.length + 1);
  const kind = choice.int(4);
  if (kind === 0) return text.slice(0, at) + choice.hostileText() + text.slice(at);
  if (kind === 1) return text.slice(0, at) + text.slice(at + 1 + choice.int(6));
  if (kind === 2) return text.slice(0, at);
  return text + text.slice(at);
}
