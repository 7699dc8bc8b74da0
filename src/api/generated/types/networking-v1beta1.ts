/** Made by scripts/generate.ts from the Go types in kubectl and helm, client-node's models and src/api/facts. Never edited. */
import type { KubeObject } from "#api/meta/object.ts";
import type { Condition } from "./meta-v1.ts";

export interface IPAddress extends KubeObject {
  spec?: IPAddressSpec | undefined;
}

export interface IPAddressSpec {
  parentRef: ParentReference;
}

export interface ParentReference {
  group?: string | undefined;
  resource: string;
  namespace?: string | undefined;
  name: string;
}

export interface ServiceCIDR extends KubeObject {
  spec?: ServiceCIDRSpec | undefined;
  status?: ServiceCIDRStatus | undefined;
}

export interface ServiceCIDRSpec {
  cidrs?: string[] | undefined;
}

export interface ServiceCIDRStatus {
  conditions?: Condition[] | undefined;
}
