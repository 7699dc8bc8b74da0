/** How a kind is shown in a table: what every group's columns.ts is made of. */
import { ageSince } from "./duration.ts";
import type { GroupVersionKind, KubeObject } from "./object.ts";
import { canonicalQuantity } from "./quantity.ts";

export interface ColumnDefinition {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format: string;
  readonly description: string;
  /** 0: always shown; 1: only with `-o wide`. */
  readonly priority: number;
}

export interface RowCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** null: nothing is there. */
export type Cell = string | number | bigint | boolean | null;

export interface Printer {
  readonly columns: readonly ColumnDefinition[];
  /** As many as there are columns, wide ones included. */
  readonly cells: (object: never, nowMs: number) => readonly Cell[];
  readonly conditions?: (object: never) => readonly RowCondition[];
}

/** A kind, and how tables show it where that isn't known by the kind alone: custom resources bring their own. */
export interface ShownKind extends GroupVersionKind {
  readonly printer?: Printer | undefined;
}

/** By kind, within one group and version. */
export type PrintersByKind = Readonly<Record<string, Printer>>;

/**
 * Columns from a short text: names between bars; "#" an integer, "?" a boolean, "~" a name, "*" only when wide.
 * "Name~|Ready|IP*"
 */
export function columns(text: string): readonly ColumnDefinition[] {
  return text.split("|").map((part) => {
    const [, name = "", marks = ""] = /^(.*?)([#?~*]*)$/.exec(part) ?? [];
    return {
      name,
      type: marks.includes("#") ? "integer" : marks.includes("?") ? "boolean" : "string",
      format: marks.includes("~") ? "name" : "",
      description: "",
      priority: marks.includes("*") ? 1 : 0,
    };
  });
}

interface Named {
  readonly metadata?: Pick<NonNullable<KubeObject["metadata"]>, "name" | "creationTimestamp"> | undefined;
}

export const nameOf = ({ metadata }: Named): string => metadata?.name ?? "";

export const ageOf = ({ metadata }: Named, nowMs: number): string =>
  ageSince(metadata?.creationTimestamp, nowMs);

/** "a,b + 2 more..." */
export function firstFew(items: readonly string[], max: number, empty: string): string {
  if (items.length === 0) return empty;
  const shown = items.slice(0, max).join(",");
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown;
}

/** The names and images of containers, one cell each. */
export function containerCells(
  containers: readonly { readonly name?: string | undefined; readonly image?: string | undefined }[] = [],
): readonly [names: string, images: string] {
  return [
    containers.map(({ name = "" }) => name).join(","),
    containers.map(({ image = "" }) => image).join(","),
  ];
}

/** A quantity in canonical form; an absent one is zero. */
export const amountText = (text: string | undefined): string =>
  text === undefined ? "0" : canonicalQuantity(text);

export const orEmpty = (text: string | undefined): string => text ?? "";
export const orUnset = (text: string | undefined): string => text ?? "<unset>";
export const orZero = (count: number | undefined): number => count ?? 0;

export const orNone = (text: string | undefined): string =>
  text === undefined || text === "" ? "<none>" : text;
