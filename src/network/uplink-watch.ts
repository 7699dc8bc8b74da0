/**
 * Tells when the kernel changes the link that carries this node's address, or the tunnel over it. The kernel takes a
 * tunnel away together with its link, and brings it back for nobody.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { aborted } from "#base/abort.ts";
import type { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";

export interface UplinkWatchDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Between one `ip monitor` that ended and the next. */
  readonly backoff: Backoff;
  /** Default: iproute2's. Prints a line per change. */
  readonly command?: readonly string[];
}

/** A line of `ip -o monitor link address` that is about `device` or about the link that gained or lost `address`. */
export function isAbout(
  line: string,
  { device, address }: { readonly device: string; readonly address: string },
): boolean {
  const words = line.split(/[\s/@:]+/);
  return words.includes(device) || words.includes(address);
}

/** Calls `changed` until the signal aborts; also whenever a change may have been missed. */
export async function watchUplink(
  of: { readonly device: string; readonly address: string },
  changed: () => void,
  deps: UplinkWatchDeps,
  signal: AbortSignal,
): Promise<void> {
  const [file = "", ...args] = deps.command ?? ["ip", "-o", "monitor", "link", "address"];
  for (;;) {
    const ended = await monitor(
      [file, ...args],
      (line) => {
        if (isAbout(line, of)) changed();
      },
      signal,
    );
    if (signal.aborted) return;
    deps.log.warn("changes of links are not seen, will retry", { ended });
    try {
      await deps.clock.sleep(deps.backoff.next(), signal);
    } catch {
      return;
    }
    changed();
  }
}

/**
 * Runs what it is given until its own input ends, as it does when we are killed: the monitor itself would notice only
 * when it has something to print.
 */
const leashed = '"$@" & exec >&-; read -r _; kill "$!"; wait "$!"';

/** Resolves with why it ended. */
async function monitor(
  [file = "", ...args]: readonly string[],
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const child = spawn("sh", ["-c", leashed, "sh", file, ...args], { stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.on("error", () => undefined); // the shell may have ended already
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => {
      resolve(error.message);
    });
    child.once("close", (code, name) => {
      resolve(`${file} ended with ${code ?? name ?? "nothing"}`);
    });
  });
  const lines = createInterface({ input: child.stdout }).on("line", onLine);
  // Only the monitor holds the output.
  const silent = new Promise<void>((resolve) => {
    lines.once("close", resolve);
  });
  await Promise.race([ended, silent, aborted(signal)]);
  child.stdin.end();
  return ended;
}
