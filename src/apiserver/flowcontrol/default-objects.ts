/**
 * The flow schemas and priority levels that every server has, made and kept, and those that an older one had, removed.
 * upstream: pkg/registry/flowcontrol/{rest/storage_flowcontrol.go,ensurer}
 */
import { mandatoryLevels, mandatorySchemas } from "#api/flowcontrol/mandatory-objects.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { flowSchemas, priorityLevelConfigurations } from "#api/resources.ts";
import { ensureEach } from "#apiserver/bootstrap/ensure-each.ts";
import type { Client } from "#client/client.ts";
import { suggestedLevels, suggestedSchemas } from "./defaults.ts";
import { isSurplus, planMandatory, planSuggested } from "./reconcile.ts";

export async function ensureFlowObjects(client: Client, signal: AbortSignal): Promise<void> {
  const schemas = { mandatory: mandatorySchemas(), suggested: suggestedSchemas() };
  const levels = { mandatory: mandatoryLevels(), suggested: suggestedLevels() };
  await Promise.all([
    ensureEach(client, signal, {
      ref: priorityLevelConfigurations,
      expected: levels.mandatory,
      plan: planMandatory,
    }),
    ensureEach(client, signal, {
      ref: priorityLevelConfigurations,
      expected: levels.suggested,
      plan: planSuggested,
    }),
    ensureEach(client, signal, { ref: flowSchemas, expected: schemas.mandatory, plan: planMandatory }),
    ensureEach(client, signal, { ref: flowSchemas, expected: schemas.suggested, plan: planSuggested }),
  ]);
  await removeSurplus(client, signal, flowSchemas, [...schemas.mandatory, ...schemas.suggested]);
  await removeSurplus(client, signal, priorityLevelConfigurations, [
    ...levels.mandatory,
    ...levels.suggested,
  ]);
}

async function removeSurplus<T extends KubeObject>(
  client: Client,
  signal: AbortSignal,
  ref: ResourceRef<T>,
  expected: readonly T[],
): Promise<void> {
  const names = new Set(expected.map(({ metadata }) => metadata?.name));
  const resource = client.resource(ref);
  const { items } = await resource.list(undefined, signal);
  for (const { metadata = {} } of items) {
    if (names.has(metadata.name) || !isSurplus(metadata)) continue;
    await resource.delete(metadata.name ?? "").catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
