/** Makes objects of one resource what they should be. */
import type { KubeObject } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Client } from "#client/client.ts";
import type { Change } from "./reconcile-policy.ts";

export interface Wanted<T extends KubeObject> {
  readonly ref: ResourceRef<T>;
  readonly expected: readonly T[];
  readonly plan: (existing: T | undefined, expected: T) => Change<T> | undefined;
}

/** Writes go out together, so that they share commits. */
export async function ensureEach<T extends KubeObject>(
  client: Client,
  signal: AbortSignal,
  { ref, expected, plan }: Wanted<T>,
): Promise<void> {
  const { items } = await client.resource(ref).list(undefined, signal);
  const existing = new Map(items.map((object) => [placeOf(object), object]));
  const changes = expected.flatMap((object) => plan(existing.get(placeOf(object)), object) ?? []);
  await Promise.all(changes.map((change) => apply(client, ref, change)));
}

const placeOf = ({ metadata }: KubeObject): string => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;

async function apply<T extends KubeObject>(
  client: Client,
  ref: ResourceRef<T>,
  { action, object }: Change<T>,
): Promise<void> {
  const resource = client.resource(ref, object.metadata?.namespace);
  if (action === "update") {
    await resource.update(object);
    return;
  }
  if (action === "replace") await resource.delete(object.metadata?.name ?? "");
  await resource.create(object);
}
