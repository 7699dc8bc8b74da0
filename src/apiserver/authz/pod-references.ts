/** The other objects a pod or a volume names: what its node must be able to read. upstream: pkg/api/v1/pod/util.go */
import type {
  Container,
  EphemeralContainer,
  PersistentVolume,
  Pod,
  Volume,
} from "#api/generated/types/core-v1.ts";

export interface PodReferences {
  readonly secrets: ReadonlySet<string>;
  readonly configMaps: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
  readonly resourceClaims: ReadonlySet<string>;
}

export function podReferences(pod: Pod): PodReferences {
  const secrets = new Set<string>();
  const configMaps = new Set<string>();
  for (const { name } of pod.spec?.imagePullSecrets ?? []) if (name !== undefined) secrets.add(name);
  for (const container of containersOf(pod)) addFromContainer(container, secrets, configMaps);
  for (const volume of pod.spec?.volumes ?? []) addFromVolume(volume, secrets, configMaps);
  return { secrets, configMaps, claims: claimsOf(pod), resourceClaims: resourceClaimsOf(pod) };
}

type AnyContainer = Container | EphemeralContainer;

const containersOf = (pod: Pod): readonly AnyContainer[] => [
  ...(pod.spec?.initContainers ?? []),
  ...(pod.spec?.containers ?? []),
  ...(pod.spec?.ephemeralContainers ?? []),
];

function addFromContainer(container: AnyContainer, secrets: Set<string>, configMaps: Set<string>): void {
  for (const { secretRef, configMapRef } of container.envFrom ?? []) {
    if (secretRef?.name !== undefined) secrets.add(secretRef.name);
    if (configMapRef?.name !== undefined) configMaps.add(configMapRef.name);
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.secretKeyRef?.name !== undefined) secrets.add(valueFrom.secretKeyRef.name);
    if (valueFrom?.configMapKeyRef?.name !== undefined) configMaps.add(valueFrom.configMapKeyRef.name);
  }
}

function addFromVolume(volume: Volume, secrets: Set<string>, configMaps: Set<string>): void {
  if (volume.configMap?.name !== undefined) configMaps.add(volume.configMap.name);
  for (const { secret, configMap } of volume.projected?.sources ?? []) {
    if (secret?.name !== undefined) secrets.add(secret.name);
    if (configMap?.name !== undefined) configMaps.add(configMap.name);
  }
  for (const { name } of secretRefsOf(volume)) secrets.add(name);
}

function claimsOf(pod: Pod): ReadonlySet<string> {
  const claims = new Set<string>();
  for (const { name, persistentVolumeClaim, ephemeral } of pod.spec?.volumes ?? []) {
    if (persistentVolumeClaim !== undefined) claims.add(persistentVolumeClaim.claimName);
    if (ephemeral !== undefined) claims.add(`${pod.metadata?.name ?? ""}-${name}`);
  }
  return claims;
}

function resourceClaimsOf(pod: Pod): ReadonlySet<string> {
  const claims = new Set<string>();
  for (const { resourceClaimName } of [
    ...(pod.spec?.resourceClaims ?? []),
    ...(pod.status?.resourceClaimStatuses ?? []),
  ]) {
    if (resourceClaimName !== undefined) claims.add(resourceClaimName);
  }
  return claims;
}

export interface SecretRef {
  readonly name: string;
  /** Undefined: the namespace of whoever uses the volume. */
  readonly namespace: string | undefined;
}

/** Secrets that a persistent volume's driver needs on the node. */
export function volumeSecrets(volume: PersistentVolume): SecretRef[] {
  const { claimRef } = volume.spec ?? {};
  return secretRefsOf({ ...volume.spec, claimRef: undefined }).map(({ name, namespace }) => ({
    name,
    namespace: namespace ?? claimRef?.namespace,
  }));
}

/** The fields by which volume sources name secrets; those for controllers aren't the node's to read. */
const refFields = ["secretRef", "nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef"];

function secretRefsOf(sources: object): SecretRef[] {
  const refs: SecretRef[] = [];
  for (const source of Object.values(sources) as unknown[]) {
    if (!isRecord(source)) continue;
    const { secretName, secretNamespace } = source;
    if (typeof secretName === "string") refs.push({ name: secretName, namespace: textOf(secretNamespace) });
    for (const field of refFields) {
      const ref = source[field];
      if (isRecord(ref) && typeof ref["name"] === "string") {
        refs.push({ name: ref["name"], namespace: textOf(ref["namespace"]) });
      }
    }
  }
  return refs;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
