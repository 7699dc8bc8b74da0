import { createHash } from "node:crypto";

/** The name of bytes: "sha256:…". */
export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
