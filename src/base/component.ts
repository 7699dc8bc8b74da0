/** How every component starts, runs and stops. */
import type { Clock } from "./clock.ts";

declare const completed: unique symbol;
/** Options whose defaults and derived values are filled in. Only `complete` makes one. */
export type Completed<O> = Readonly<Required<O>> & { readonly [completed]: true };

export interface Component {
  readonly name: string;
  /**
   * Runs until `signal` aborts, then cleans up and resolves; rejects on failure.
   * `ready` is called once, when serving. Resolving before the signal aborts counts as a failure.
   */
  run(signal: AbortSignal, ready: () => void): Promise<void>;
}

export interface ComponentKind<O, D> {
  readonly name: string;
  complete(options: O): Completed<O>;
  /** Every fault at once, each naming its flag. Empty means valid. */
  validate(options: Completed<O>): readonly string[];
  /** No I/O: a component that was created but never run holds nothing. */
  create(options: Completed<O>, deps: D): Component;
}

export class InvalidOptionsError extends Error {
  override readonly name = "InvalidOptionsError";
  readonly code = "INVALID_OPTIONS";
  readonly faults: readonly string[];
  constructor(component: string, faults: readonly string[]) {
    super(`${component}: ${faults.join("; ")}`);
    this.faults = faults;
  }
}

export class ComponentError extends Error {
  override readonly name = "ComponentError";
  readonly code = "COMPONENT_FAILED";
  readonly component: string;
  constructor(component: string, message: string, options?: ErrorOptions) {
    super(`${component} ${message}`, options);
    this.component = component;
  }
}

/** The one road from options to a component: complete, validate, create. */
export function build<O, D>(kind: ComponentKind<O, D>, options: O, deps: D): Component {
  return kind.create(completeOptions(kind, options), deps);
}

/** For a component that is created later, or more than once: its faults show now. */
export function completeOptions<O, D>(kind: ComponentKind<O, D>, options: O): Completed<O> {
  const full = kind.complete(options);
  const faults = kind.validate(full);
  if (faults.length > 0) throw new InvalidOptionsError(kind.name, faults);
  return full;
}

export interface RunOptions {
  readonly clock: Clock;
  /** How long one component may take to stop before it is left behind and reported. */
  readonly stopMaxMs: number;
  readonly onReady?: (component: string, ms: number) => void;
}

/**
 * Starts components in order, each after the one before is ready; stops them in reverse.
 * Resolves when all have stopped after `signal`; rejects with the first failure, which names its component.
 */
export async function runInOrder(
  components: readonly Component[],
  signal: AbortSignal,
  options: RunOptions,
): Promise<void> {
  const outerAbort = Promise.withResolvers<void>();
  const onAbort = (): void => {
    outerAbort.resolve();
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => {
    signal.removeEventListener("abort", onAbort);
  });

  for (const component of components) {
    if (signal.aborted) return;
    const startedAt = options.clock.monotonic();
    const ready = startOne(component, stack, failed.reject, { signal, options });
    const first = await Promise.race([
      ready.then(() => "ready" as const),
      outerAbort.promise,
      failed.promise,
    ]);
    if (first !== "ready") return;
    options.onReady?.(component.name, Math.round(options.clock.monotonic() - startedAt));
  }
  await Promise.race([outerAbort.promise, failed.promise]);
}

function startOne(
  component: Component,
  stack: AsyncDisposableStack,
  fail: (error: ComponentError) => void,
  context: { readonly signal: AbortSignal; readonly options: RunOptions },
): Promise<void> {
  const own = new AbortController();
  const ready = Promise.withResolvers<void>();
  let stopFailure: unknown;
  const done = component.run(own.signal, ready.resolve).then(
    () => {
      if (!own.signal.aborted) fail(new ComponentError(component.name, "ended although nobody stopped it"));
    },
    (error: unknown) => {
      if (own.signal.aborted) stopFailure = error;
      else fail(new ComponentError(component.name, "failed", { cause: error }));
    },
  );
  stack.defer(async () => {
    own.abort(context.signal.reason);
    const deadline = Promise.withResolvers<"late">();
    const cancel = context.options.clock.after(context.options.stopMaxMs, () => {
      deadline.resolve("late");
    });
    const result = await Promise.race([done, deadline.promise]);
    cancel();
    if (result === "late") {
      throw new ComponentError(component.name, `did not stop within ${context.options.stopMaxMs} ms`);
    }
    if (stopFailure !== undefined && !isAbort(stopFailure, own.signal)) {
      throw new ComponentError(component.name, "failed while stopping", { cause: stopFailure });
    }
  });
  return ready.promise;
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}
