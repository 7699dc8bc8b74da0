/** The hash that tells a Deployment's ReplicaSets apart. upstream: pkg/controller/controller_utils.go ComputeHash */
import type { PodTemplateSpec } from "#api/generated/types/core-v1.ts";
import { canonical } from "./replica-sets.ts";

const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** FNV-1a, 32 bits, over the template; the collision count makes another one of the same template. */
export function templateHash(
  template: PodTemplateSpec | undefined,
  collisionCount: number | undefined,
): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(
    canonical(template) + (collisionCount === undefined ? "" : `#${collisionCount}`),
  )) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  // No vowels: the hash ends up in names.
  return String(hash)
    .split("")
    .map((digit) => alphabet.charAt(digit.charCodeAt(0) % alphabet.length))
    .join("");
}
