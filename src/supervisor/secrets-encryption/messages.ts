/** What `mini-k8s secrets-encrypt` and a server say to each other. Keys have names here, never their bytes. */
import type { Stage } from "./plan.ts";

export const secretsEncryptionPath = "/mini-k8s/v1/secrets-encryption";

/** "finish" comes after everything was written anew. */
export const steps = ["enable", "disable", "prepare", "rotate", "finish"] as const;
export type Step = (typeof steps)[number];

export interface StepRequest {
  readonly step: Step;
  /** Of the report that it was decided on. */
  readonly hash: string;
  readonly isForced: boolean;
}

export interface EncryptionReport {
  readonly stage: Stage;
  readonly isEnabled: boolean;
  /** Names; the first one writes, when encryption is enabled. */
  readonly keys: readonly string[];
  /** Tells these keys from others. */
  readonly hash: string;
  /** Servers that have read others: "10.0.0.1:6443". */
  readonly behind: readonly string[];
}

export function readStepRequest(body: unknown): StepRequest | string {
  if (typeof body !== "object" || body === null) return "the request must be a JSON object";
  const { step, hash, isForced } = body as Partial<Record<keyof StepRequest, unknown>>;
  const known = steps.find((each) => each === step);
  if (known === undefined) return `step is ${JSON.stringify(step)}, must be one of ${steps.join(", ")}`;
  if (typeof hash !== "string") return "hash is missing";
  return { step: known, hash, isForced: isForced === true };
}

/** As k3s shows it. */
export function statusText({ stage, isEnabled, keys, behind }: EncryptionReport): string {
  const rows = keys.map((name, at) => ` ${isEnabled && at === 0 ? "*" : " "}\tAES-CBC\t${name}`);
  const hashes = behind.length === 0 ? "All hashes match" : `hash does not match at ${behind.join(", ")}`;
  return [
    `Encryption Status: ${isEnabled ? "Enabled" : "Disabled"}`,
    `Current Rotation Stage: ${stage}`,
    `Server Encryption Hashes: ${hashes}`,
    "",
    "Active\tKey Type\tName",
    "------\t--------\t----",
    ...rows,
    "",
  ].join("\n");
}
