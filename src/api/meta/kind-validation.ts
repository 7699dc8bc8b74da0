/** What a kind's own rules are made of, and in which order upstream's strategies ask for them. */
import type { FaultList } from "./fault-list.ts";
import type { Faults } from "./names.ts";

type Check = (object: never, faults: FaultList) => void;
/** `old` of an update: what is stored may be allowed to stay. */
type CheckAlways = (object: never, faults: FaultList, old?: never) => void;
type CheckChange = (object: never, old: never, faults: FaultList) => void;

/** What is wrong with a name, or with what names begin with. */
type NameOf = (name: string, object: never) => Faults;

/** What a new object is asked for: "metadata", `onCreate` ("creation"), `check` ("rules"). */
export type NewStep = "metadata" | "creation" | "rules";

/**
 * What an update is asked for: all that a new object's metadata is ("metadata"), what of it may change ("metadata change"),
 * `check`, `onCreate` where that isn't for new objects alone, and `onUpdate` or, of an update of the status,
 * `onStatusUpdate`. What comes twice is told twice.
 */
export type Step = "metadata" | "metadata change" | "rules" | "creation" | "change";

export interface KindValidation {
  /** DNS subdomains when absent. */
  readonly nameFaults?: NameOf;
  /** For generateName; `nameFaults` of what it may become when absent. */
  readonly prefixFaults?: NameOf;
  /** A prefix is judged only by the name made of it. */
  readonly trustsPrefixes?: boolean;
  readonly check?: CheckAlways;
  readonly onCreate?: Check;
  /** Neither `check` nor `onCreate` looks at anything else, nor does `onUpdate` find anything where both stay. */
  readonly isOfSpecAndAnnotations?: (object: never) => boolean;
  readonly onUpdate?: CheckChange;
  readonly onStatusUpdate?: CheckChange;
  /** See MetaRules. */
  readonly plainFinalizers?: true;
  /** Metadata, `onCreate` and `check` when absent. */
  readonly newSteps?: readonly NewStep[];
  /** Changes of the metadata, `check` and `onUpdate` when absent. */
  readonly steps?: readonly Step[];
  /** Changes of the metadata and `onStatusUpdate` when absent. */
  readonly statusSteps?: readonly Step[];
}

/** By kind, within one group and version. */
export type ValidationsByKind = Readonly<Record<string, KindValidation>>;
