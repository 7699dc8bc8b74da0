/** What every benchmark needs: closed-loop load, medians over interleaved rounds, and what the machine was like. */
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly operations: number;
}

/** `clients` loops run `operation` one after the other, each for `ms`. */
export async function load(
  clients: number,
  ms: number,
  operation: (client: number, turn: number) => Promise<unknown>,
): Promise<LoadResult> {
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + ms;
  const client = async (number: number): Promise<void> => {
    for (let turn = 0; ; turn++) {
      const before = performance.now();
      if (before >= end) return;
      await operation(number, turn);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  const seconds = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  return {
    perSecond: latencies.length / seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    operations: latencies.length,
  };
}

/** Of ascending numbers. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >>> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/**
 * What the product runs with, as scripts/start.sh and scripts/build.ts have it: how often the engine collects garbage,
 * and for how long everything waits for that, depends on it.
 */
export const engineFlags = ["--max-semi-space-size=16", "--heap-growing-percent=100"] as const;

const probeBytes = 2300;
const probeWrites = 300;

/** How long an append of 2.3 KB and its fdatasync take: what a durable write can't be faster than. */
export interface DiskTimes {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export async function fdatasyncTimes(folder: string): Promise<DiskTimes> {
  const path = join(folder, "fdatasync-probe");
  const content = Buffer.alloc(probeBytes, 1);
  const latencies: number[] = [];
  {
    await using file = await open(path, "w");
    const { fdatasyncSync, writeSync } = await import("node:fs");
    for (let at = 0; at < probeWrites; at++) {
      const start = performance.now();
      writeSync(file.fd, content);
      fdatasyncSync(file.fd);
      latencies.push(performance.now() - start);
    }
  }
  await rm(path);
  latencies.sort((a, b) => a - b);
  return { p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), maxMs: quantile(latencies, 1) };
}

export interface Usage {
  /** User and system time since the process began. */
  readonly cpuMs: number;
  readonly rssMib: number;
}

/** Of any process, from /proc: independent of who puts load on it. */
export async function usageOf(pid: number): Promise<Usage> {
  const [stat, statm] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/statm`, "utf8"),
  ]);
  // After the command's name in parentheses, which may hold spaces: state is field 3, utime 14, stime 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { cpuMs: ticks * 10, rssMib: (Number(statm.split(" ")[1]) * 4096) / 2 ** 20 };
}

const quietLookMs = 100;
const quietShare = 0.1;

/** Until a process hardly uses a processor; at the latest after `maxMs`. */
export async function untilQuiet(pid: number, maxMs: number): Promise<void> {
  const end = performance.now() + maxMs;
  let before = (await usageOf(pid)).cpuMs;
  while (performance.now() < end) {
    await new Promise((resolve) => {
      setTimeout(resolve, quietLookMs);
    });
    const { cpuMs } = await usageOf(pid);
    if (cpuMs - before <= quietLookMs * quietShare) return;
    before = cpuMs;
  }
}

export interface RoundMachine {
  /** Of one fdatasync, the median of those before and after the round. */
  readonly fdatasyncMs: number;
  /** The slowest hundredth of them, and the slowest. */
  readonly fdatasyncP99Ms: number;
  readonly fdatasyncMaxMs: number;
  /** The disk's speed changed more than twofold during the round. */
  readonly isNoisy: boolean;
}

/** Runs `round` so many times, measuring the disk before and after each. */
export async function interleave(
  count: number,
  folder: string,
  round: (number: number) => Promise<void>,
): Promise<RoundMachine[]> {
  const machines: RoundMachine[] = [];
  let before = await fdatasyncTimes(folder);
  for (let number = 0; number < count; number++) {
    await round(number);
    const after = await fdatasyncTimes(folder);
    const medians = [before.p50Ms, after.p50Ms];
    machines.push({
      fdatasyncMs: (before.p50Ms + after.p50Ms) / 2,
      fdatasyncP99Ms: Math.max(before.p99Ms, after.p99Ms),
      fdatasyncMaxMs: Math.max(before.maxMs, after.maxMs),
      isNoisy: Math.max(...medians) > 2 * Math.min(...medians),
    });
    before = after;
  }
  return machines;
}

/** Rows of cells under each other, the first column to the left, the others to the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(cells.join("  ").trimEnd());
  }
}

export function rounded(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)}k`;
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(3);
}

/** How a figure stands to its gate. */
export function verdict(isMet: boolean): string {
  return isMet ? "ok" : "MISSED";
}
