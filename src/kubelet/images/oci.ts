/** Shapes of the OCI image specification, and of Docker's forms of the same. */
import type { Readable } from "node:stream";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly os: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface ImageIndex {
  readonly manifests: readonly Descriptor[];
}

export interface ImageConfig {
  readonly architecture?: string;
  readonly os?: string;
  readonly config?: {
    readonly User?: string;
    readonly Env?: readonly string[] | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly WorkingDir?: string;
    readonly StopSignal?: string;
  };
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
}

/** A layer that can be read when it is needed. */
export interface LayerSource {
  /** Of the packed bytes, checked while reading; undefined when they have no name of their own (docker save). */
  readonly digest: string | undefined;
  readonly sizeBytes: number;
  open(signal: AbortSignal): Promise<Readable>;
}

/** One image, ready to be taken into the store. */
export interface ImageSource {
  /** The config's exact bytes: their digest is the image's id. */
  readonly config: Buffer;
  /** In the order of the config's diff_ids. */
  readonly layers: readonly LayerSource[];
  /** Names with a tag. */
  readonly tags: readonly string[];
  /** Names with the manifest's digest. */
  readonly digests: readonly string[];
}

export const mediaTypes = {
  manifest: [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
  ],
  index: [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
  ],
} as const;

export function isIndex(value: ImageManifest | ImageIndex): value is ImageIndex {
  return "manifests" in value;
}

/** The architecture's name in images. */
export function imageArchitecture(arch: string): string {
  return arch === "x64" ? "amd64" : arch;
}

/** The manifest for this machine. Builders also list "unknown" entries for attestations: those never fit. */
export function choosePlatform(index: ImageIndex, arch: string): Descriptor | undefined {
  const architecture = imageArchitecture(arch);
  const fitting = index.manifests.filter(
    ({ platform }) => platform?.os === "linux" && platform.architecture === architecture,
  );
  return fitting[0] ?? index.manifests.find(({ platform }) => platform === undefined);
}
