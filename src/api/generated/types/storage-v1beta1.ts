/** Made by scripts/generate.ts from the Go types in kubectl and helm, client-node's models and src/api/facts. Never edited. */
import type { KubeObject } from "#api/meta/object.ts";

export interface VolumeAttributesClass extends KubeObject {
  driverName: string;
  parameters?: Record<string, string> | undefined;
}
