/** What a kind's own rules are made of. Metadata has the same rules for all and is mostly looked at before. */
import type { FaultList } from "./fault-list.ts";
import type { NameRule } from "./object-meta-validation.ts";

type Check = (object: never, faults: FaultList) => void;
type CheckChange = (object: never, old: never, faults: FaultList) => void;

export interface KindValidation {
  /** DNS subdomains when absent. */
  readonly nameFaults?: NameRule;
  /** A prefix is judged only by the name made of it. */
  readonly trustsPrefixes?: boolean;
  /** On creation and on every update of anything but the status. */
  readonly check?: Check;
  readonly onCreate?: Check;
  /** Neither `check` nor `onCreate` looks at anything else, nor does `onUpdate` find anything where both stay. */
  readonly isOfSpecAndAnnotations?: (object: never) => boolean;
  readonly onUpdate?: CheckChange;
  readonly onStatusUpdate?: CheckChange;
  /** See MetaRules. */
  readonly plainFinalizers?: true;
  /** The metadata of a new object is looked at only when nothing else is wrong. */
  readonly metadataComesLast?: true;
}

/** By kind, within one group and version. */
export type ValidationsByKind = Readonly<Record<string, KindValidation>>;
