/** What goes into a write of an object, and what comes of it. */
import type { AnyObject } from "#api/meta/object.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { StoredObject } from "./stored-object.ts";

/** Around one write: who may still change or refuse the object. */
export interface WriteContext {
  readonly dryRun: boolean;
  /** The API version the client used. */
  readonly requestVersion: string;
  readonly user: UserInfo;
  readonly impersonator?: UserInfo | undefined;
  readonly signal: AbortSignal;
  /** An update may create what isn't there, whatever the resource's strategy says: server-side apply. */
  readonly mayCreate?: boolean;
  /** Only the object of this UID is updated, unless it is "". */
  readonly uid?: string;
  warn(text: string): void;
  /** Validating admission. Throws StatusError to refuse. */
  validate(object: AnyObject | undefined, old: AnyObject | undefined): Promise<void>;
}

export interface WriteResult {
  readonly object: StoredObject;
  readonly isCreated: boolean;
}

export interface DeleteResult {
  /** The object as it is now, or as it was last when `isGone`. */
  readonly object: StoredObject;
  readonly isGone: boolean;
}

export interface Warnings {
  /** `isSpecSound`: nothing is to be said of its spec and annotations. */
  create(object: AnyObject, isSpecSound: boolean): readonly string[];
  update(object: AnyObject, old: AnyObject): readonly string[];
}

/** Nobody asks for such a write but the server itself. */
export const systemContext: WriteContext = {
  dryRun: false,
  requestVersion: "v1",
  user: { name: "system:apiserver", groups: ["system:masters"] },
  signal: new AbortController().signal,
  warn: () => undefined,
  validate: () => Promise.resolve(),
};
