/** The process and its surroundings, as handed to the composition roots. */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";

export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Aborts when the process shall stop. */
  readonly signal: AbortSignal;
  /** Prints to the user (standard output), as opposed to the log. */
  readonly say: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** "v1.35.2+minik8s" */
  readonly kubernetesVersion: string;
}
