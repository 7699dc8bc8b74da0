/**
 * How two objects differ, as messages show it: the changed lines of their JSON among ten that are the same.
 * upstream: apimachinery/pkg/util/diff (Go's structs there have other names for the fields)
 */

/** Lines that are shown around a change. */
const context = 10;
/** Beyond this many lines on a side, what lies between the first and the last change is shown as one. */
const linesMax = 1000;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]),
  );
}

const linesOf = (value: object): string[] => JSON.stringify(sorted(value), undefined, 2).split("\n");

/** "=" in both, "-" only before, "+" only now. */
type Line = readonly [sign: "=" | "-" | "+", text: string];

/** Of each pair of places, the length of the longest common subsequence of what follows. */
function commonLengths(before: readonly string[], now: readonly string[]): (i: number, j: number) => number {
  const width = now.length + 1;
  const lengths = new Uint16Array((before.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        before[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  return at;
}

function compare(before: readonly string[], now: readonly string[]): Line[] {
  if (before.length <= linesMax && now.length <= linesMax) return compareEach(before, now);
  const shorter = Math.min(before.length, now.length);
  let ahead = 0;
  while (ahead < shorter && before[ahead] === now[ahead]) ahead++;
  let behind = 0;
  while (behind < shorter - ahead && before.at(-1 - behind) === now.at(-1 - behind)) behind++;
  const between = (lines: readonly string[]): readonly string[] => lines.slice(ahead, lines.length - behind);
  return [
    ...before.slice(0, ahead).map((text): Line => ["=", text]),
    ...between(before).map((text): Line => ["-", text]),
    ...between(now).map((text): Line => ["+", text]),
    ...before.slice(before.length - behind).map((text): Line => ["=", text]),
  ];
}

function compareEach(before: readonly string[], now: readonly string[]): Line[] {
  const common = commonLengths(before, now);
  const lines: Line[] = [];
  let j = 0;
  for (const [i, text] of before.entries()) {
    while (j < now.length && text !== now[j] && common(i + 1, j) < common(i, j + 1)) {
      lines.push(["+", now[j++] ?? ""]);
    }
    if (j < now.length && text === now[j]) {
      lines.push(["=", text]);
      j++;
    } else lines.push(["-", text]);
  }
  return [...lines, ...now.slice(j).map((text): Line => ["+", text])];
}

/** Start and end of each run of lines that is shown. */
function hunks(lines: readonly Line[]): [start: number, end: number][] {
  const found: [number, number][] = [];
  for (const [index, [sign]] of lines.entries()) {
    if (sign === "=") continue;
    const [start, end] = [Math.max(0, index - context), Math.min(lines.length, index + context + 1)];
    const last = found.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = end;
    else found.push([start, end]);
  }
  return found;
}

const rangeText = (start: number, count: number): string =>
  count === 1 ? `${start + 1}` : `${count === 0 ? start : start + 1},${count}`;

/** A unified diff from `before` to `now`; empty when nothing differs. */
export function differenceText(before: object, now: object): string {
  const lines = compare(linesOf(before), linesOf(now));
  const shown = hunks(lines);
  if (shown.length === 0) return "";
  let text = "--- expected\n+++ got\n";
  for (const [start, end] of shown) {
    const count = (sign: "-" | "+", part: readonly Line[]): number =>
      part.filter(([one]) => one === "=" || one === sign).length;
    const [ahead, hunk] = [lines.slice(0, start), lines.slice(start, end)];
    const ranges = (["-", "+"] as const).map(
      (sign) => sign + rangeText(count(sign, ahead), count(sign, hunk)),
    );
    text += `@@ ${ranges.join(" ")} @@\n`;
    for (const [sign, line] of hunk) text += `${sign === "=" ? " " : sign}${line}\n`;
  }
  return text;
}
