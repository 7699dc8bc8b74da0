/** Why a container or pod couldn't be started now. Its reason becomes the container's waiting reason. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly code = "START_FAILED";
  readonly reason: string;
  /** When to try again; undefined: after the worker's usual back-off. */
  readonly retryMs: number | undefined;
  /** Whether the general "Error: …" event would only repeat what was said already. */
  readonly isSaid: boolean;

  constructor(
    reason: string,
    message: string,
    options: ErrorOptions & { readonly retryMs?: number; readonly isSaid?: boolean } = {},
  ) {
    super(message, options);
    this.reason = reason;
    this.retryMs = options.retryMs;
    this.isSaid = options.isSaid ?? false;
  }
}
