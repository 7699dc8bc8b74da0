/** Objects that a cluster begins with, and that an administrator may change: only made when missing. */
import type { KubeObject } from "#api/meta/object.ts";
import { isAlreadyExists } from "#api/meta/status.ts";
import type { ResourceClient } from "#client/client.ts";

export async function createMissing<T extends KubeObject>(
  resource: ResourceClient<T>,
  object: T,
): Promise<void> {
  try {
    await resource.create(object);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
