/** Objects as rows: what kubectl get prints. upstream: apiserver/pkg/endpoints/handlers/response.go */
import { cellsOf, columnsOf } from "#api/columns.ts";
import type { ShownKind } from "#api/meta/printer.ts";
import type { AnyObject, KubeObject, ListMeta } from "#api/meta/object.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

export interface TableOptions {
  readonly gvk: ShownKind;
  /** "v1" or "v1beta1" */
  readonly version: string;
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
}

/** `withColumns`: in a watch only the first table has them. */
export function tableOf(
  objects: readonly AnyObject[],
  metadata: ListMeta,
  options: TableOptions,
  withColumns = true,
): AnyObject {
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: withColumns ? columnsOf(options.gvk) : null,
    rows: objects.map((object) => ({
      ...cellsOf(options.gvk, object, options.nowMs),
      ...(options.includeObject === "None" ? {} : { object: rowObject(object, options) }),
    })),
  };
}

function rowObject(object: AnyObject, { includeObject, version }: TableOptions): KubeObject {
  return includeObject === "Object" ? object : partialOf(object, version);
}

/** Metadata alone. */
export function partialOf(object: KubeObject, version: string): AnyObject {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: object.metadata ?? {},
  };
}
