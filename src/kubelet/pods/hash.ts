/** A container's fingerprint: another one means that the container must be replaced. upstream: pkg/kubelet/container/helpers.go HashContainer */
import { createHash } from "node:crypto";
import type { Container } from "#api/generated/types/core-v1.ts";

/** Of a container's fields only name and image may change in a running pod. */
export function containerHash({ name, image }: Container): string {
  return createHash("sha256").update(JSON.stringify({ name, image })).digest("hex").slice(0, 16);
}
