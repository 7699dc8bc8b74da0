/** What a client is told of an object that is accepted all the same. */
import type { Loose } from "./loose.ts";
import type { KubeObject } from "./object.ts";

export interface KindWarnings {
  readonly onCreate?: (object: never) => readonly string[];
  /** What `onCreate` says of anything but the spec and annotations, where that is all but the name. */
  readonly ofName?: (object: never) => readonly string[];
  readonly onUpdate?: (object: never, old: never) => readonly string[];
  /** An update that leaves the spec alone isn't looked at. */
  readonly onlyNewGenerations?: boolean;
}

/** By kind, within one group and version. */
export type WarningsByKind = Readonly<Record<string, KindWarnings>>;

/** Whether an update has changed what the generation counts. */
export const isNewGeneration = (object: Loose<KubeObject>, old: Loose<KubeObject>): boolean =>
  object.metadata?.generation !== old.metadata?.generation;
