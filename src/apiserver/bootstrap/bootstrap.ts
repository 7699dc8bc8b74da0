/** What a server makes sure of before it calls itself ready: namespaces, default policy, priority classes. */
import type { KubeObject } from "#api/meta/object.ts";
import { isAlreadyExists, isConflict, isNotFound } from "#api/meta/status.ts";
import {
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  priorityClasses,
  roleBindings,
  roles,
} from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { ensureFlowObjects } from "#apiserver/flowcontrol/default-objects.ts";
import { ensureEach } from "./ensure-each.ts";
import { defaultClusterRoleBindings, defaultClusterRoles } from "./policy/cluster-roles.ts";
import { noFeatures, type ServedFeatures } from "#apiserver/served-features.ts";
import { controllerRoleBindings, controllerRoles } from "./policy/controller-roles.ts";
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
  features: ServedFeatures = noFeatures,
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
  await ensureSystemNamespaces(client, signal);
  await Promise.all([
    ensureEach(client, signal, { ref: priorityClasses, expected: systemPriorityClasses(), plan: createOnly }),
    ensureEach(client, signal, {
      ref: clusterRoles,
      expected: withSums([...defaultClusterRoles(features), ...controllerRoles(features)]),
      plan: planRole,
    }),
    ensureEach(client, signal, {
      ref: clusterRoleBindings,
      expected: [...defaultClusterRoleBindings(features), ...controllerRoleBindings(features)],
      plan: planBinding,
    }),
    ensureFlowObjects(client, signal),
    ensureEach(client, signal, { ref: roles, expected: namespaceRoles(), plan: planRole }),
    ensureEach(client, signal, { ref: roleBindings, expected: namespaceRoleBindings(), plan: planBinding }),
  ]);
}

export const ensureSystemNamespaces = (client: Client, signal: AbortSignal): Promise<void> =>
  ensureEach(client, signal, { ref: namespaces, expected: systemNamespaces(), plan: createOnly });

const createOnly = <T extends KubeObject>(existing: T | undefined, expected: T): Change<T> | undefined =>
  existing === undefined ? { action: "create", object: expected } : undefined;
