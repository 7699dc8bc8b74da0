/** The cells of an object that is an hour old. */
import { cellsOf } from "../columns.ts";
import { parseApiVersion, type GroupVersionKind } from "../meta/object.ts";

/** 2026-01-01T01:00:00Z */
export const now = 1_767_229_200_000;
export const hourAgo = "2026-01-01T00:00:00Z";
export const metadata = { name: "x", creationTimestamp: hourAgo };

export const kindOf = (apiVersion: string, kind: string): GroupVersionKind => ({
  ...parseApiVersion(apiVersion),
  kind,
});

export function cells(apiVersion: string, kind: string, object: object): readonly unknown[] {
  return cellsOf(kindOf(apiVersion, kind), { metadata, ...object }, now).cells;
}
