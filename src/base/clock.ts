/** Time as a dependency. Only this file touches Date and timers. */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go backwards. For measuring, not for storing. */
  monotonic(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `run` once after `ms`; the returned function cancels. Never keeps the process alive by itself. */
  after(ms: number, run: () => void): () => void;
}

/** setTimeout overflows above this and fires at once; longer waits are cut into pieces. */
const timeoutMaxMs = 2 ** 31 - 1;

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("aborted");
}

class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(abortReason(signal));
        return;
      }
      const onAbort = (): void => {
        cancel();
        reject(abortReason(signal));
      };
      const cancel = startTimer(ms, true, () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  after(ms: number, run: () => void): () => void {
    return startTimer(ms, false, run);
  }
}

function startTimer(ms: number, keepsAlive: boolean, run: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    const pieceMs = Math.min(leftMs, timeoutMaxMs);
    timer = setTimeout(() => {
      if (leftMs > pieceMs) arm(leftMs - pieceMs);
      else run();
    }, pieceMs);
    if (!keepsAlive) timer.unref();
  };
  arm(Math.max(0, ms));
  return () => {
    clearTimeout(timer);
  };
}

export const systemClock: Clock = new SystemClock();

interface Alarm {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that moves only when told to. Starts at 2026-01-01T00:00:00Z unless told otherwise. */
export class ManualClock implements Clock {
  #now: number;
  #alarms: Alarm[] = [];

  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(abortReason(signal));
        return;
      }
      const onAbort = (): void => {
        cancel();
        reject(abortReason(signal));
      };
      const cancel = this.after(ms, () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  after(ms: number, run: () => void): () => void {
    const alarm: Alarm = { at: this.#now + Math.max(0, ms), run };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  /** How many sleeps and alarms are waiting. Lets a test wait until its subject sleeps. */
  get waiting(): number {
    return this.#alarms.length;
  }

  /** Moves time forward, firing alarms in order of their time and letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#alarms.filter((alarm) => alarm.at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#alarms = this.#alarms.filter((alarm) => alarm !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets every promise that can settle without I/O do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** 2026-01-01T00:00:00Z, the form of metav1.Time. */
export function toRfc3339(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond.second) {
    lastSecond.text = new Date(second * 1000).toISOString().replace(".000Z", "Z");
    lastSecond.second = second;
  }
  return lastSecond.text;
}

/** Every write asks for the time some times, mostly within one second. */
const lastSecond = { second: 0, text: "1970-01-01T00:00:00Z" };

/** 2026-01-01T00:00:00.123000Z, the form of metav1.MicroTime. */
export function toRfc3339Micro(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}

/** 2026-01-01T00:00:00.123456789Z, the form of container log lines. `nanos` counts from the epoch. */
export function toRfc3339Nano(nanos: bigint): string {
  const seconds = new Date(Number(nanos / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${(nanos % 1_000_000_000n).toString().padStart(9, "0")}Z`;
}

/** Milliseconds since the epoch of an RFC 3339 text, or NaN when it is none. */
export function parseTime(text: string): number {
  return /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
}

/** As HTTP's headers have it: "Thu, 01 Jan 1970 00:00:00 GMT". */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** Milliseconds since 1970, a whole second; undefined for what is no time. */
export function parseHttpDate(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms - (ms % 1000);
}

/**
 * Resolves with what is waited for, at the latest after `ms`. The wait itself keeps the process alive: a connection that
 * nobody reads from doesn't, and we would be gone in the middle of the end.
 */
export async function within(ms: number, awaited: Promise<void>, clock: Clock): Promise<void> {
  const over = new AbortController();
  const late = clock.sleep(ms, over.signal).catch(() => undefined);
  await Promise.race([awaited, late]);
  over.abort(new Error("no longer waited for"));
}
