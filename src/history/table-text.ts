/** The server's Table as kubectl prints it. upstream: cli-runtime/pkg/printers/tableprinter.go */
import type { AnyObject } from "#api/meta/object.ts";

export interface ServerTable {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority?: number }[];
  readonly rows?: readonly { readonly cells: readonly unknown[]; readonly object?: AnyObject }[] | null;
}

export interface TableOptions {
  readonly isWide: boolean;
  readonly withNamespace: boolean;
}

export function tableText({ columnDefinitions, rows }: ServerTable, options: TableOptions): string {
  const columns = [...columnDefinitions.entries()].filter(
    ([, { priority = 0 }]) => options.isWide || priority === 0,
  );
  const lead = (text: string): string[] => (options.withNamespace ? [text] : []);
  const lines = [
    [...lead("NAMESPACE"), ...columns.map(([, { name }]) => name.toUpperCase())],
    ...(rows ?? []).map(({ cells, object }) => [
      ...lead(object?.metadata?.namespace ?? ""),
      ...columns.map(([at]) => cellText(cells[at])),
    ]),
  ];
  return alignedText(lines);
}

/** Columns three blanks apart, as kubectl's. */
export function alignedText(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("   ")
          .trimEnd()}\n`,
    )
    .join("");
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return "<none>";
  return typeof cell === "string" ? cell : JSON.stringify(cell);
}
