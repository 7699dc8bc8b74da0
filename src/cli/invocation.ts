/** What a command gets to see of the process that runs it. */
export interface Invocation {
  readonly argv: readonly string[];
  /** The name this program was called by: a link named kubectl makes it kubectl. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** A fault of the user's: printed without a stack, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "USAGE";
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}
