/** A resource by name, with the TypeScript type of its objects. The list of them is in resources.ts. */
import type { GroupVersionResource, KubeObject } from "./meta/object.ts";

declare const objectType: unique symbol;

export interface ResourceRef<T extends KubeObject = KubeObject> extends GroupVersionResource {
  readonly kind: string;
  readonly namespaced: boolean;
  /** Only for the type checker. */
  readonly [objectType]?: T;
}
