/**
 * Since when the use of tokens that secrets hold is noted: a config map that whoever cleans them up reads.
 * upstream: pkg/controlplane/controller/legacytokentracking
 */
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import { configMaps } from "#api/resources.ts";
import { parseTime, toRfc3339, type Clock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import { ensureObject } from "./ensure-object.ts";

const namespace = "kube-system";
export const tokenTrackingName = "kube-apiserver-legacy-service-account-token-tracking";

/** What isn't a day, such as 2026-01-31, is made today. */
export function reconcileTokenTracking(client: Client, clock: Clock, signal: AbortSignal): Promise<void> {
  const resource = client.resource(configMaps, namespace);
  return ensureObject(resource, tokenTrackingName, (existing) => plan(existing, clock), signal);
}

function plan(existing: ConfigMap | undefined, clock: Clock): ConfigMap | undefined {
  const since = existing?.data?.["since"] ?? "";
  if (/^\d{4}-\d{2}-\d{2}$/.test(since) && !Number.isNaN(parseTime(`${since}T00:00:00Z`))) return undefined;
  const data = { ...existing?.data, since: toRfc3339(clock.now()).slice(0, 10) };
  return { ...existing, metadata: { ...existing?.metadata, namespace, name: tokenTrackingName }, data };
}
