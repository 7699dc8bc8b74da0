/** Makes one object what it should be, though others may write it at the same time. */
import type { KubeObject } from "#api/meta/object.ts";
import { isAlreadyExists, isConflict, isNotFound } from "#api/meta/status.ts";
import type { ResourceClient } from "#client/client.ts";

const attemptsMax = 5;

/** `plan` returns what to write, or undefined when the existing object is as it should be. */
export async function ensureObject<T extends KubeObject>(
  resource: ResourceClient<T>,
  name: string,
  plan: (existing: T | undefined) => T | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      const existing = await resource.get(name, signal).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      const object = plan(existing);
      if (object === undefined) return;
      await (existing === undefined ? resource.create(object) : resource.update(object));
      return;
    } catch (error) {
      const raced = isConflict(error) || isAlreadyExists(error) || isNotFound(error);
      if (!raced || attempt === attemptsMax) throw error;
    }
  }
}
