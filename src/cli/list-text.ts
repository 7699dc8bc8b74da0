/** A list of the API in the form that was asked for. Only `get` loads it. */
import { formatYaml } from "#api/codec/yaml.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Resource } from "#history/resources.ts";
import { tableText, type ServerTable } from "#history/table-text.ts";

export interface ListTextOptions {
  readonly resource: Resource;
  readonly output: string;
  readonly withNamespace: boolean;
  /** One object was asked for by name. */
  readonly isOne: boolean;
}

/** Undefined when the list is empty. */
export function listText(
  body: unknown,
  { resource, output, withNamespace, isOne }: ListTextOptions,
): string | undefined {
  if (output === "table" || output === "wide") {
    const table = body as ServerTable;
    if ((table.rows ?? []).length === 0) return undefined;
    return tableText(table, { isWide: output === "wide", withNamespace });
  }
  const { group, version, kind, singular } = resource;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const found = (body as { items?: readonly AnyObject[] | null }).items ?? [];
  if (found.length === 0) return undefined;
  const items = found.map((item) => ({ ...item, apiVersion, kind }));
  if (output === "name") {
    const type = group === "" ? singular : `${singular}.${group}`;
    return items.map(({ metadata }) => `${type}/${metadata?.name ?? ""}\n`).join("");
  }
  const shown = isOne
    ? items[0]
    : { apiVersion: "v1", kind: "List", metadata: { resourceVersion: "" }, items };
  return output === "yaml" ? formatYaml(shown) : `${JSON.stringify(shown, undefined, 4)}\n`;
}
