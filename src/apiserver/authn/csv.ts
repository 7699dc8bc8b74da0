/** Comma-separated values as RFC 4180 and Go's encoding/csv read them. */

/** Rows without empty lines; undefined when a quote is out of place. */
export function parseCsv(text: string): string[][] | undefined {
  const rows: string[][] = [];
  const field = /"((?:[^"]|"")*)"|([^",\n]*)/y;
  const input = text.replaceAll("\r\n", "\n");
  let row: string[] = [];
  let position = 0;
  while (position < input.length) {
    if (row.length === 0 && input[position] === "\n") {
      position += 1;
      continue;
    }
    field.lastIndex = position;
    const match = field.exec(input);
    row.push(match?.[1]?.replaceAll('""', '"') ?? match?.[2] ?? "");
    position = field.lastIndex;
    const next = input[position];
    if (next !== undefined && next !== "," && next !== "\n") return undefined;
    if (next === ",") {
      position += 1;
      // A comma at the very end is followed by one more, empty field.
      if (position === input.length) row.push("");
    } else {
      position += 1;
      rows.push(row);
      row = [];
    }
  }
  if (row.length > 0) rows.push(row);
  return rows;
}
