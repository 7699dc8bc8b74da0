/** A server's store, encrypted as a file says. */
import type { Scheme } from "#api/scheme.ts";
import { EnvelopeMetrics, type EnvelopeMetricsDeps } from "#apiserver/metrics/envelope-metrics.ts";
import { ReloadMetrics } from "#apiserver/metrics/reload-metrics.ts";
import { TransformationMetrics } from "#apiserver/metrics/transformation-metrics.ts";
import type { Store } from "#store/store.ts";
import { ConfigurationFile, type ConfigurationFileDeps } from "./configuration-file.ts";
import { EncryptingStore } from "./encrypting-store.ts";
import { resourceOfKey } from "./resource-of-key.ts";

export interface EncryptionAtRest {
  readonly store: EncryptingStore;
  /** To be loaded before the store is used. */
  readonly file: ConfigurationFile;
}

export function encryptionAtRest(
  path: string,
  deps: Omit<ConfigurationFileDeps, "store" | "metrics" | "envelope" | "transformations"> &
    EnvelopeMetricsDeps & { readonly store: Store; readonly scheme: Scheme },
): EncryptionAtRest {
  const store = new EncryptingStore(deps.store, resourceOfKey(deps.scheme));
  const metrics = new ReloadMetrics("encryption", deps);
  const envelope = new EnvelopeMetrics(deps);
  const transformations = new TransformationMetrics(deps.registry, deps.clock);
  const measured = { metrics, envelope, transformations };
  return { store, file: new ConfigurationFile(path, { ...deps, store, ...measured }) };
}
