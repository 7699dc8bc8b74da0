/** What a server makes sure of before it calls itself ready: namespaces, default policy, priority classes. */
import { mandatoryLevels, mandatorySchemas } from "#api/flowcontrol/mandatory-objects.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { isAlreadyExists, isConflict, isNotFound } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import {
  clusterRoleBindings,
  clusterRoles,
  flowSchemas,
  namespaces,
  priorityClasses,
  priorityLevelConfigurations,
  roleBindings,
  roles,
} from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { suggestedLevels, suggestedSchemas } from "#apiserver/flowcontrol/defaults.ts";
import { planMandatory, planSuggested } from "#apiserver/flowcontrol/reconcile.ts";
import { defaultClusterRoleBindings, defaultClusterRoles } from "./policy/cluster-roles.ts";
import { controllerRoleBindings, controllerRoles, type ServedFeatures } from "./policy/controller-roles.ts";
import { namespaceRoleBindings, namespaceRoles } from "./policy/namespace-roles.ts";
import { planBinding, planRole, withSums, type Change } from "./reconcile-policy.ts";
import { systemNamespaces, systemPriorityClasses } from "./system-objects.ts";

/** Another server may write the same objects at the same time; then everything is looked at afresh. */
const attemptsMax = 5;

/**
 * Creates what is missing and adds to what lacks something. Writes go out together, so that they share commits.
 * The client must act with all powers: it hands out powers that nobody holds yet.
 */
export async function bootstrap(
  client: Client,
  signal: AbortSignal,
  features: ServedFeatures = { migratesStorage: false },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      await ensureAll(client, signal, features);
      return;
    } catch (error) {
      const raced = isConflict(error) || isAlreadyExists(error) || isNotFound(error);
      if (!raced || attempt === attemptsMax) throw error;
    }
  }
}

async function ensureAll(client: Client, signal: AbortSignal, features: ServedFeatures): Promise<void> {
  // The others are refused in namespaces that don't exist.
  await ensure(client, signal, { ref: namespaces, expected: systemNamespaces(), plan: createOnly });
  await Promise.all([
    ensure(client, signal, { ref: priorityClasses, expected: systemPriorityClasses(), plan: createOnly }),
    ensure(client, signal, {
      ref: clusterRoles,
      expected: withSums([...defaultClusterRoles(), ...controllerRoles(features)]),
      plan: planRole,
    }),
    ensure(client, signal, {
      ref: clusterRoleBindings,
      expected: [...defaultClusterRoleBindings(), ...controllerRoleBindings(features)],
      plan: planBinding,
    }),
    ensure(client, signal, {
      ref: priorityLevelConfigurations,
      expected: mandatoryLevels(),
      plan: planMandatory,
    }),
    ensure(client, signal, {
      ref: priorityLevelConfigurations,
      expected: suggestedLevels(),
      plan: planSuggested,
    }),
    ensure(client, signal, { ref: flowSchemas, expected: mandatorySchemas(), plan: planMandatory }),
    ensure(client, signal, { ref: flowSchemas, expected: suggestedSchemas(), plan: planSuggested }),
    ensure(client, signal, { ref: roles, expected: namespaceRoles(), plan: planRole }),
    ensure(client, signal, { ref: roleBindings, expected: namespaceRoleBindings(), plan: planBinding }),
  ]);
}

interface Wanted<T extends KubeObject> {
  readonly ref: ResourceRef<T>;
  readonly expected: readonly T[];
  readonly plan: (existing: T | undefined, expected: T) => Change<T> | undefined;
}

async function ensure<T extends KubeObject>(
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

const createOnly = <T extends KubeObject>(existing: T | undefined, expected: T): Change<T> | undefined =>
  existing === undefined ? { action: "create", object: expected } : undefined;

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
