/** Where the state of --secrets-encryption is kept: in files of the one server, or in the datastore that servers share. */
import { createHash } from "node:crypto";
import { configurationOf, StageError, type EncryptionState } from "./plan.ts";

export interface StateKeeper {
  read(): Promise<EncryptionState>;
  /** Throws StageError when it isn't `before` that would be replaced. */
  write(state: EncryptionState, before: EncryptionState): Promise<void>;
}

/** What a server reads its keys from. */
export const configurationText = (state: EncryptionState): string =>
  `${JSON.stringify(configurationOf(state))}\n`;

/** By which a server says that it has read this. */
export const hashOf = (state: EncryptionState): string =>
  createHash("sha256").update(configurationText(state)).digest("hex");

export const isSameState = (one: EncryptionState, other: EncryptionState): boolean =>
  one.stage === other.stage && hashOf(one) === hashOf(other);

export const changedMeanwhile = (): StageError =>
  new StageError("somebody else has changed the encryption keys meanwhile: see secrets-encrypt status");
