/**
 * The keys of --secrets-encryption, and how they change: each step is a new configuration. In one step a server would
 * write with a key that other servers don't know yet; so a new key first reads everywhere, then writes, and the old one
 * goes when nothing is left that it sealed. upstream: k3s pkg/server/secrets-encrypt.go, docs.k3s.io/cli/secrets-encrypt
 */
import type {
  EncryptionConfiguration,
  KeyConfiguration,
  ProviderConfiguration,
} from "#apiserver/encryption/configuration.ts";

export type Stage = "start" | "prepare" | "rotate" | "reencrypt_finished";

/** What is kept beside the configuration. */
export interface EncryptionState {
  readonly stage: Stage;
  readonly isEnabled: boolean;
  /** The first one writes, when encryption is enabled. */
  readonly keys: readonly KeyConfiguration[];
}

export class StageError extends Error {
  override readonly name = "StageError";
  readonly code = "ENCRYPTION_STAGE";
}

export const newState = (key: KeyConfiguration, isEnabled: boolean): EncryptionState => ({
  stage: "start",
  isEnabled,
  keys: [key],
});

export function configurationOf({ isEnabled, keys }: EncryptionState): EncryptionConfiguration {
  const sealing: ProviderConfiguration = { aescbc: { keys } };
  const plain: ProviderConfiguration = { identity: {} };
  return {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ resources: ["secrets"], providers: isEnabled ? [sealing, plain] : [plain, sealing] }],
  };
}

export function prepared(state: EncryptionState, key: KeyConfiguration): EncryptionState {
  demand(state, ["start", "reencrypt_finished"], "prepare");
  return { ...state, stage: "prepare", keys: [...state.keys, key] };
}

export function rotated(state: EncryptionState): EncryptionState {
  demand(state, ["prepare"], "rotate");
  const [newest] = state.keys.slice(-1);
  return {
    ...state,
    stage: "rotate",
    keys: [...(newest === undefined ? [] : [newest]), ...state.keys.slice(0, -1)],
  };
}

/** Only after everything was written anew. */
export function finished(state: EncryptionState): EncryptionState {
  return { ...state, stage: "reencrypt_finished", keys: state.keys.slice(0, 1) };
}

export function mayReencrypt(state: Pick<EncryptionState, "stage" | "isEnabled">, isForced: boolean): void {
  if (!isForced) demand(state, ["rotate"], "reencrypt");
}

export function switched(state: EncryptionState, isEnabled: boolean): EncryptionState {
  demand(state, ["start", "reencrypt_finished"], isEnabled ? "enable" : "disable");
  return { ...state, isEnabled };
}

function demand(
  { stage, isEnabled }: Pick<EncryptionState, "stage" | "isEnabled">,
  stages: readonly Stage[],
  step: string,
): void {
  if (!stages.includes(stage)) {
    throw new StageError(
      `secrets-encrypt ${step}: the rotation stage is ${stage}, must be ${stages.join(" or ")}`,
    );
  }
  if (!isEnabled && step !== "enable" && step !== "disable") {
    throw new StageError(`secrets-encrypt ${step}: secrets encryption is disabled; enable it first`);
  }
}
