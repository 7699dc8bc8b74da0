import { parseTime } from "#base/clock.ts";

/** Nanoseconds since the epoch; 0 for Docker's "never", the year 1. */
export function nanosOf(text: string): bigint {
  const ms = parseTime(text);
  if (!(ms > 0)) return 0n;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
  return BigInt(Math.floor(ms / 1000)) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0").slice(0, 9));
}
