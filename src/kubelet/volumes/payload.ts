/** The files of configMap, secret, downwardAPI and projected volumes. upstream: pkg/volume/{configmap,secret,downwardapi,projected} */
import { numberOf } from "#base/exact-json.ts";
import type {
  ConfigMap,
  ConfigMapVolumeSource,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  PodCertificateProjection,
  Secret,
  SecretVolumeSource,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from "#api/generated/types/core-v1.ts";
import type { ObjectReader } from "../env/environment.ts";
import { fieldValue, type FieldContext } from "../env/field-ref.ts";
import { resourceValue, type NodeAllocatable } from "../env/resource-field.ts";
import { allContainers, podNamespace } from "../pods/pod.ts";
import { VolumeError } from "../pods/pod-host.ts";
import type { CertificateSource } from "../references/pod-certificates.ts";
import type { TrustSource } from "../references/trust-bundles.ts";
import { pathFault, type Payload, type VolumeFile } from "./atomic-writer.ts";
import type { TokenSource } from "./tokens.ts";

export interface PayloadInput {
  readonly pod: Pod;
  readonly volume: Volume;
  readonly context: FieldContext;
  readonly allocatable: NodeAllocatable;
  readonly objects: ObjectReader;
  readonly tokens: TokenSource;
  readonly trust: TrustSource;
  readonly certificates: CertificateSource;
}

export interface PayloadResult {
  readonly files: Payload;
  /** Milliseconds until a token or a certificate in it wants to be renewed. */
  readonly refreshMs: number | undefined;
}

const modeDefault = 0o644;
/** Of what belongs to the pod's user. */
const modePrivate = 0o600;

/** Undefined: the volume isn't made of files that the kubelet writes. */
export async function payloadOf(input: PayloadInput): Promise<PayloadResult | undefined> {
  const collector = new Collector(input);
  const { configMap, secret, downwardAPI, projected } = input.volume;
  if (configMap !== undefined) await collector.configMap(configMap, configMap.defaultMode);
  else if (secret !== undefined) {
    await collector.secret({ ...secret, name: secret.secretName }, secret.defaultMode);
  } else if (downwardAPI !== undefined) {
    collector.downward(downwardAPI.items ?? [], downwardAPI.defaultMode);
  } else if (projected !== undefined) {
    for (const [index, source] of (projected.sources ?? []).entries()) {
      await collector.source(source, projected.defaultMode, index);
    }
  } else return undefined;
  return { files: collector.files, refreshMs: collector.refreshMs };
}

type Keyed = Pick<ConfigMapVolumeSource & SecretVolumeSource, "items" | "optional"> & {
  readonly name?: string | undefined;
};

class Collector {
  readonly files = new Map<string, VolumeFile>();
  refreshMs: number | undefined;
  readonly #input: PayloadInput;

  constructor(input: PayloadInput) {
    this.#input = input;
  }

  async source(source: VolumeProjection, defaultMode: number | undefined, index: number): Promise<void> {
    const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } =
      source;
    if (configMap !== undefined) await this.configMap(configMap, defaultMode);
    if (secret !== undefined) await this.secret(secret, defaultMode);
    if (downwardAPI !== undefined) this.downward(downwardAPI.items ?? [], defaultMode);
    if (serviceAccountToken !== undefined) await this.#token(serviceAccountToken, defaultMode);
    if (clusterTrustBundle !== undefined) {
      const anchors = await this.#input.trust.anchors(clusterTrustBundle);
      this.#put(clusterTrustBundle.path, Buffer.from(anchors), this.#modeOf(defaultMode));
    }
    if (podCertificate !== undefined) await this.#certificate(podCertificate, defaultMode, index);
  }

  async configMap(keyed: Keyed, defaultMode: number | undefined): Promise<void> {
    const { objects, pod } = this.#input;
    const object = await objects.configMap(podNamespace(pod), keyed.name ?? "");
    this.#keys("configmap", keyed, dataOfConfigMap(object), defaultMode);
  }

  async secret(keyed: Keyed, defaultMode: number | undefined): Promise<void> {
    const { objects, pod } = this.#input;
    const object = await objects.secret(podNamespace(pod), keyed.name ?? "");
    this.#keys("secret", keyed, dataOfSecret(object), defaultMode);
  }

  downward(items: readonly DownwardAPIVolumeFile[], defaultMode: number | undefined): void {
    const { pod, context, allocatable } = this.#input;
    for (const { path, fieldRef, resourceFieldRef, mode } of items) {
      let value: string | undefined;
      if (fieldRef !== undefined) value = fieldValue(fieldRef.fieldPath, pod, context);
      else if (resourceFieldRef !== undefined) {
        const container = allContainers(pod).find(
          ({ container: { name } }) => name === resourceFieldRef.containerName,
        )?.container;
        if (container === undefined) {
          this.#fail(`container ${resourceFieldRef.containerName ?? ""} not found`);
        }
        value = resourceValue(resourceFieldRef, container, allocatable);
      }
      if (value === undefined) this.#fail(`unsupported field for ${path}`);
      this.#put(path, Buffer.from(value), mode ?? defaultMode);
    }
  }

  async #token(projection: ServiceAccountTokenProjection, defaultMode: number | undefined): Promise<void> {
    const { pod, tokens } = this.#input;
    const { token, refreshMs } = await tokens.get(pod, projection);
    this.#refreshAfter(refreshMs);
    this.#put(projection.path, Buffer.from(token), this.#modeOf(defaultMode));
  }

  async #certificate(
    projection: PodCertificateProjection,
    defaultMode: number | undefined,
    index: number,
  ): Promise<void> {
    const { pod, volume, certificates } = this.#input;
    const place = { volume: volume.name, index, projection };
    const { keyPem, chainPem, refreshMs } = await certificates.credential(pod, place);
    if (refreshMs !== undefined) this.#refreshAfter(refreshMs);
    for (const [path = "", text] of [
      [projection.credentialBundlePath, keyPem + chainPem],
      [projection.keyPath, keyPem],
      [projection.certificateChainPath, chainPem],
    ] as const) {
      if (path !== "") this.#put(path, Buffer.from(text), this.#modeOf(defaultMode));
    }
  }

  #refreshAfter(ms: number): void {
    this.refreshMs = Math.min(this.refreshMs ?? ms, ms);
  }

  #modeOf(defaultMode: number | undefined): number | undefined {
    const { pod } = this.#input;
    const isPrivate = singleUser(pod) !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
    return isPrivate ? modePrivate : defaultMode;
  }

  #keys(
    kind: "configmap" | "secret",
    { name = "", items, optional }: Keyed,
    data: ReadonlyMap<string, Buffer> | undefined,
    defaultMode: number | undefined,
  ): void {
    if (data === undefined) {
      if (optional === true) return;
      this.#fail(`${kind} "${name}" not found`);
    }
    const wanted: readonly KeyToPath[] = items ?? [...data.keys()].map((key) => ({ key, path: key }));
    for (const { key, path, mode } of wanted) {
      const value = data.get(key);
      if (value !== undefined) this.#put(path, value, mode ?? defaultMode);
      else if (optional !== true) {
        this.#fail(
          kind === "secret"
            ? `references non-existent secret key: ${key}`
            : `configmap references non-existent config key: ${key}`,
        );
      }
    }
  }

  #put(path: string, data: Buffer, mode: number | undefined): void {
    const fault = pathFault(path);
    if (fault !== undefined) this.#fail(fault);
    this.files.set(path, { data, mode: mode ?? modeDefault });
  }

  #fail(message: string): never {
    throw new VolumeError(this.#input.volume.name, message);
  }
}

function dataOfConfigMap(object: ConfigMap | undefined): Map<string, Buffer> | undefined {
  if (object === undefined) return undefined;
  return new Map([
    ...Object.entries(object.data ?? {}).map(([key, text]) => [key, Buffer.from(text)] as const),
    ...Object.entries(object.binaryData ?? {}).map(
      ([key, text]) => [key, Buffer.from(text, "base64")] as const,
    ),
  ]);
}

function dataOfSecret(object: Secret | undefined): Map<string, Buffer> | undefined {
  if (object === undefined) return undefined;
  return new Map(Object.entries(object.data ?? {}).map(([key, text]) => [key, Buffer.from(text, "base64")]));
}

/** The user that all containers run as, when it is one; a token belongs to it. */
export function singleUser(pod: Pod): number | undefined {
  const shared = pod.spec?.securityContext?.runAsUser;
  const users = new Set(
    allContainers(pod).map(({ container }) => container.securityContext?.runAsUser ?? shared),
  );
  const [user] = users;
  return users.size === 1 ? numberOf(user) : undefined;
}
