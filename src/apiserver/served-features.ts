/** What of 1.35's features that are off by default --runtime-config has turned on. upstream: pkg/features/kube_features.go */
import type { ResourceRef } from "#api/resource-ref.ts";
import { clusterTrustBundles, podCertificateRequests, storageVersionMigrations } from "#api/resources.ts";
import type { Scheme } from "#api/scheme.ts";

export interface ServedFeatures {
  /** StorageVersionMigrations are served. */
  readonly migratesStorage: boolean;
  /** ClusterTrustBundles are, and pods may mount them. */
  readonly trustBundles: boolean;
  /** PodCertificateRequests are, and pods may mount what comes of them. */
  readonly podCertificates: boolean;
}

export const noFeatures: ServedFeatures = {
  migratesStorage: false,
  trustBundles: false,
  podCertificates: false,
};

export function servedFeatures(scheme: Scheme): ServedFeatures {
  const served = new Set(scheme.served());
  const serves = ({ group, version, resource }: ResourceRef): boolean => {
    const definition = scheme.resource(group, version, resource);
    return definition !== undefined && served.has(definition);
  };
  return {
    migratesStorage: serves(storageVersionMigrations),
    trustBundles: serves(clusterTrustBundles),
    podCertificates: serves(podCertificateRequests),
  };
}
