/** Whether an object needs its protection: always, until it is deleted and not in use. */
import type { KubeObject } from "#api/meta/object.ts";

/** The finalizers that it should have; undefined when it has them. */
export function planFinalizers(
  { metadata }: KubeObject,
  finalizer: string,
  isInUse: () => boolean,
): readonly string[] | undefined {
  const own = metadata?.finalizers ?? [];
  const isProtected = own.includes(finalizer);
  if (metadata?.deletionTimestamp === undefined) return isProtected ? undefined : [...own, finalizer];
  return isProtected && !isInUse() ? own.filter((each) => each !== finalizer) : undefined;
}
