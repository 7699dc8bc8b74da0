/** Made by scripts/generate.ts from the Go types in kubectl and helm, and client-node. Never edited. */
import type { KubeObject } from "#api/meta/object.ts";

export interface PriorityClass extends KubeObject {
  value?: number | undefined;
  globalDefault?: boolean | undefined;
  description?: string | undefined;
  preemptionPolicy?: string | undefined;
}
