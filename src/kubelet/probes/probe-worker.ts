/** One probe of one running container, again and again. upstream: pkg/kubelet/prober/worker.go */
import type { Probe } from "#api/generated/types/core-v1.ts";
import type { Clock } from "#base/clock.ts";
import type { ProbeResult } from "./probe-action.ts";

export type ProbeKind = "liveness" | "readiness" | "startup";

export interface ProbeWorkerOptions {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  /** Milliseconds since the epoch. */
  readonly containerStartedMs: number;
  /** What held before this kubelet started, when it is known. */
  readonly initial: boolean | undefined;
}

export interface ProbeWorkerDeps {
  readonly clock: Clock;
  readonly run: () => Promise<ProbeResult>;
  /** Liveness and readiness wait for it. */
  readonly hasStarted: () => boolean;
  /** Every run, for events. */
  readonly onRun: (kind: ProbeKind, result: ProbeResult) => void;
  /** The verdict changed. */
  readonly onVerdict: (kind: ProbeKind, isGood: boolean) => void;
}

export class ProbeWorker {
  readonly #options: ProbeWorkerOptions;
  readonly #deps: ProbeWorkerDeps;
  #verdict: boolean | undefined;
  #lastResult: "success" | "failure" | undefined;
  #runs = 0;
  #isRunning = false;
  #isStopped = false;
  #cancel = (): void => undefined;

  constructor(options: ProbeWorkerOptions, deps: ProbeWorkerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#verdict = options.initial ?? initialVerdict[options.kind];
    const delayMs = (options.probe.initialDelaySeconds ?? 0) * 1000;
    const elapsedMs = deps.clock.now() - options.containerStartedMs;
    this.#schedule(Math.max(0, delayMs - elapsedMs));
  }

  /** Undefined: not known yet. */
  get verdict(): boolean | undefined {
    return this.#verdict;
  }

  /** Probes now instead of at the next turn: the startup probe has just passed. */
  hasten(): void {
    if (!this.#isStopped && !this.#isRunning) this.#schedule(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #schedule(ms: number): void {
    this.#cancel();
    this.#cancel = this.#deps.clock.after(ms, () => {
      this.#tick();
    });
  }

  #tick(): void {
    const { kind, probe } = this.#options;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    if (kind !== "startup" && !this.#deps.hasStarted()) {
      this.#schedule(periodMs);
      return;
    }
    // The next run is due one period after this one began, however long it takes, but never before it ended.
    const dueMs = this.#deps.clock.now() + periodMs;
    this.#isRunning = true;
    void this.#deps.run().then((result) => {
      this.#isRunning = false;
      if (this.#isStopped) return;
      if (this.#count(result)) this.#schedule(Math.max(0, dueMs - this.#deps.clock.now()));
    });
  }

  /** False: there is nothing more to ask. */
  #count(run: ProbeResult): boolean {
    const { kind, probe } = this.#options;
    this.#deps.onRun(kind, run);
    if (run.result === "unknown") return true;
    this.#runs = run.result === this.#lastResult ? this.#runs + 1 : 1;
    this.#lastResult = run.result;
    const isGood = run.result === "success";
    const needed = isGood ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (this.#runs < needed) return true;
    const isNews = this.#verdict !== isGood;
    this.#verdict = isGood;
    // A container that failed is about to be replaced, one that has started needs no more asking.
    const isOver = (kind !== "readiness" && !isGood) || (kind === "startup" && isGood);
    if (isOver) this.stop();
    if (isNews) this.#deps.onVerdict(kind, isGood);
    return !isOver;
  }
}

const initialVerdict: Readonly<Record<ProbeKind, boolean | undefined>> = {
  liveness: true,
  readiness: false,
  startup: undefined,
};
