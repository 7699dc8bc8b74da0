/**
 * How two objects differ, as messages show it: the changed lines of their JSON among ten that are the same.
 * upstream: apimachinery/pkg/util/diff, pmezard/go-difflib
 */
import { goJson } from "../codec/go-json.ts";

/** Lines that are shown around a change. */
const context = 10;
/** Beyond this many lines on a side, what lies between the first and the last change is shown as one. */
const linesMax = 2000;
/** From this many lines on, one that is more than a hundredth of them isn't looked for: it would be found anywhere. */
const linesOfMany = 200;

const linesOf = (value: object): string[] => goJson(value, 2).split("\n");

/** "=" in both, "-" only before, "+" only now. */
type Line = readonly [sign: "=" | "-" | "+", text: string];

interface Run {
  readonly before: number;
  readonly now: number;
  readonly size: number;
}

interface Stretch {
  readonly before: readonly [start: number, end: number];
  readonly now: readonly [start: number, end: number];
}

/** Finds the runs that two texts share: the longest first, then what lies before it and behind. */
class RunFinder {
  readonly #before: readonly string[];
  readonly #now: readonly string[];
  readonly #places = new Map<string, number[]>();

  constructor(before: readonly string[], now: readonly string[]) {
    this.#before = before;
    this.#now = now;
    for (const [place, line] of now.entries()) {
      const places = this.#places.get(line);
      if (places === undefined) this.#places.set(line, [place]);
      else places.push(place);
    }
    if (now.length < linesOfMany) return;
    const placesMax = Math.floor(now.length / 100) + 1;
    for (const [line, places] of this.#places) if (places.length > placesMax) this.#places.delete(line);
  }

  /** In order. */
  runs(): readonly Run[] {
    const found: Run[] = [];
    const open: Stretch[] = [{ before: [0, this.#before.length], now: [0, this.#now.length] }];
    for (let stretch = open.pop(); stretch !== undefined; stretch = open.pop()) {
      const run = this.#longest(stretch);
      if (run.size === 0) continue;
      found.push(run);
      const { before, now } = stretch;
      open.push(
        { before: [before[0], run.before], now: [now[0], run.now] },
        { before: [run.before + run.size, before[1]], now: [run.now + run.size, now[1]] },
      );
    }
    return found.toSorted((a, b) => a.before - b.before);
  }

  #longest(stretch: Stretch): Run {
    const [start, end] = stretch.now;
    let best: Run = { before: stretch.before[0], now: start, size: 0 };
    /** By its last place, how long the run is that ends there. */
    let lengths = new Map<number, number>();
    for (let i = stretch.before[0]; i < stretch.before[1]; i++) {
      const longer = new Map<number, number>();
      for (const j of this.#places.get(this.#before[i] ?? "") ?? []) {
        if (j < start || j >= end) continue;
        const size = (lengths.get(j - 1) ?? 0) + 1;
        longer.set(j, size);
        if (size > best.size) best = { before: i - size + 1, now: j - size + 1, size };
      }
      lengths = longer;
    }
    return this.#extended(best, stretch);
  }

  /** With the lines around it that weren't looked for. */
  #extended(run: Run, stretch: Stretch): Run {
    let { before, now, size } = run;
    const isSame = (i: number, j: number): boolean => this.#before[i] === this.#now[j];
    while (before > stretch.before[0] && now > stretch.now[0] && isSame(before - 1, now - 1)) {
      before--;
      now--;
      size++;
    }
    while (
      before + size < stretch.before[1] &&
      now + size < stretch.now[1] &&
      isSame(before + size, now + size)
    ) {
      size++;
    }
    return { before, now, size };
  }
}

/** The run at the start and the one at the end. */
function outerRuns(before: readonly string[], now: readonly string[]): readonly Run[] {
  const shorter = Math.min(before.length, now.length);
  let ahead = 0;
  while (ahead < shorter && before[ahead] === now[ahead]) ahead++;
  let behind = 0;
  while (behind < shorter - ahead && before.at(-1 - behind) === now.at(-1 - behind)) behind++;
  return [
    { before: 0, now: 0, size: ahead },
    { before: before.length - behind, now: now.length - behind, size: behind },
  ];
}

function compare(before: readonly string[], now: readonly string[]): Line[] {
  const isLong = before.length > linesMax || now.length > linesMax;
  const runs = isLong ? outerRuns(before, now) : new RunFinder(before, now).runs();
  const lines: Line[] = [];
  const end: Run = { before: before.length, now: now.length, size: 0 };
  let [i, j] = [0, 0];
  for (const run of [...runs, end]) {
    for (; i < run.before; i++) lines.push(["-", before[i] ?? ""]);
    for (; j < run.now; j++) lines.push(["+", now[j] ?? ""]);
    for (const last = i + run.size; i < last; i++, j++) lines.push(["=", before[i] ?? ""]);
  }
  return lines;
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
