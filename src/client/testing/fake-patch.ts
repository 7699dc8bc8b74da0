/** Patches, as well as a fake needs them. The real ones, with the type table behind them, are the apiserver's. */
import type { AnyObject } from "#api/meta/object.ts";
import { badRequestError } from "#api/meta/status.ts";
import { applyJsonPatch } from "#api/patch/json.ts";

type Json = Record<string, unknown>;

/** Lists that strategic merge patches merge by key. Any other list is replaced. */
const mergeKeys: Readonly<Record<string, string>> = {
  conditions: "type",
  containers: "name",
  initContainers: "name",
  env: "name",
  volumes: "name",
  volumeMounts: "mountPath",
  taints: "key",
  addresses: "type",
  ownerReferences: "uid",
  secrets: "name",
  imagePullSecrets: "name",
};

export function applyPatch(object: AnyObject, contentType: string, body: unknown): AnyObject {
  const copy = structuredClone(object);
  switch (contentType) {
    case "application/json-patch+json":
      return applyJsonPatch(object, body) as AnyObject;
    case "application/merge-patch+json":
      return merge(copy, body as Json, false);
    case "application/strategic-merge-patch+json":
    case "application/apply-patch+yaml":
      return merge(copy, body as Json, true);
    default:
      throw badRequestError(`the fake knows no patch of type ${contentType}`);
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function merge(target: Json, patch: Json, isStrategic: boolean): Json {
  const result: Json = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith("$")) continue;
    if (value === null) delete result[name];
    else if (isObject(value)) result[name] = mergeField(result[name], value, isStrategic);
    else if (Array.isArray(value) && isStrategic) result[name] = mergeList(name, result[name], value);
    else result[name] = structuredClone(value);
  }
  return result;
}

function mergeField(target: unknown, patch: Json, isStrategic: boolean): Json {
  if (patch["$patch"] === "replace") return merge({}, patch, isStrategic);
  return merge(isObject(target) ? target : {}, patch, isStrategic);
}

function mergeList(name: string, target: unknown, patch: readonly unknown[]): unknown[] {
  const key = mergeKeys[name];
  const result: unknown[] = Array.isArray(target) ? [...(target as unknown[])] : [];
  if (name === "finalizers") return [...new Set([...result, ...patch])];
  if (key === undefined) return structuredClone([...patch]);
  for (const item of patch) {
    if (!isObject(item)) continue;
    const at = result.findIndex((other) => isObject(other) && other[key] === item[key]);
    if (item["$patch"] === "delete") {
      if (at >= 0) result.splice(at, 1);
    } else if (at < 0) result.push(structuredClone(item));
    else result[at] = merge(result[at] as Json, item, true);
  }
  return result;
}
