/** Drops what the schema doesn't know. upstream: apiextensions-apiserver/pkg/apiserver/schema/pruning/algorithm.go */
import { isMap } from "../../patch/json-value.ts";
import {
  asResource,
  isEmbedded,
  itemsOf,
  keepsUnknown,
  metaFields,
  propertyOf,
  valuesOf,
  type Structural,
} from "./structural.ts";

/** Names and indices on the way: "spec", "list[0]". */
type Path = readonly string[];

/** Changes `value`; answers the paths of what was dropped, sorted. `isResource`: its kind and metadata stay. */
export function prune(value: unknown, schema: Structural | undefined, isResource: boolean): string[] {
  const pruner = new Pruner();
  pruner.prune(value, isResource ? asResource(schema) : schema, []);
  return pruner.dropped.toSorted();
}

class Pruner {
  readonly dropped: string[] = [];

  prune(value: unknown, schema: Structural | undefined, path: Path): void {
    if (Array.isArray(value)) {
      const inner = keepsUnknown(schema) ? keeping(itemsOf(schema)) : itemsOf(schema);
      for (const [index, item] of value.entries()) this.prune(item, inner, atIndex(path, index));
    } else if (isMap(value)) this.#map(value, schema, path);
  }

  #map(value: Record<string, unknown>, schema: Structural | undefined, path: Path): void {
    for (const key of Object.keys(value)) {
      if (isEmbedded(schema) && metaFields.has(key)) continue;
      const property = propertyOf(schema, key);
      const values = schema === undefined ? undefined : valuesOf(schema);
      if (property !== undefined) this.prune(value[key], property, [...path, key]);
      else if (values !== undefined) {
        this.prune(value[key], typeof values === "object" ? values : undefined, [...path, key]);
      } else if (!keepsUnknown(schema)) {
        this.dropped.push([...path, key].join("."));
        Reflect.deleteProperty(value, key);
      }
    }
  }
}

/** Below a list whose parent keeps what is unknown, so do its items. */
const keeping = (schema: Structural | undefined): Structural | undefined =>
  schema === undefined ? keepAll : { ...schema, "x-kubernetes-preserve-unknown-fields": true };

const keepAll: Structural = { "x-kubernetes-preserve-unknown-fields": true };

const atIndex = (path: Path, index: number): Path => {
  const last = path.at(-1) ?? "";
  return [...path.slice(0, -1), `${last}[${index}]`];
};
