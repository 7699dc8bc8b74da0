/** Volumes: plugins that are gone, and files that hide each other. upstream: pkg/api/pod/warnings.go */
import { goQuote } from "../meta/go-quote.ts";
import type { KeyToPath, PodSpec, Volume, VolumeProjection } from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { PathTree } from "./path-tree.ts";
import { WarningRoom } from "./warning-room.ts";

/** In the order in which upstream looks for them. */
const removed = new Map([
  ["photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"],
  ["scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["flocker", "deprecated in v1.22, non-functional in v1.25+"],
  ["storageos", "deprecated in v1.22, non-functional in v1.25+"],
  ["quobyte", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["rbd", "deprecated in v1.28, non-functional in v1.31+"],
]);

/** Upstream writes one of them as its Go field. */
const shownAs = (source: string): string => (source === "storageos" ? "storageOS" : source);

/** Of the sources in a volume or a PersistentVolume's spec. */
export function sourceWarnings(volume: Readonly<Record<string, unknown>> | object, path: string): string[] {
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(volume)) {
    const message = value === undefined ? undefined : removed.get(name);
    if (message !== undefined) warnings.push(`${path}.${shownAs(name)}: ${message}`);
  }
  return warnings;
}

interface Placed {
  readonly path: string;
  readonly source: string;
}

const trimmed = (path: string): string => (path.endsWith("/") ? path.replace(/\/+$/, "") : path);
const shown = ({ path, source }: Placed): string =>
  source === "" ? goQuote(path) : `${goQuote(path)} (${source})`;

/** Pairs of paths of which one is the other or lies in it. */
class Overlaps {
  readonly #room: WarningRoom;
  readonly #seen: Placed[] = [];
  readonly #tree = new PathTree();

  constructor(room: WarningRoom) {
    this.#room = room;
  }

  /** As long as there is room, of each of them with those before. */
  of(paths: readonly Placed[]): string[] {
    const found: string[] = [];
    for (const { path, source } of paths) {
      if (this.#room.isFull()) break;
      const placed = { path: trimmed(path), source };
      if (placed.path === "") continue;
      for (const id of this.#tree.add(placed.path, this.#seen.length)) {
        const other = this.#seen[id];
        if (other === undefined || this.#room.isFull()) break;
        found.push(this.#room.take(`${shown(placed)} with ${shown(other)}`));
      }
      this.#seen.push(placed);
    }
    return found;
  }
}

type Items = readonly Loose<Pick<KeyToPath, "path">>[] | undefined;

const placed = (items: Items, source = ""): Placed[] =>
  (items ?? []).map(({ path = "" }) => ({ path, source }));

function projectedPaths(projection: Loose<VolumeProjection>): Placed[] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } =
    projection;
  if (configMap?.items !== undefined) {
    return placed(configMap.items, `ConfigMap ${goQuote(configMap.name ?? "")}`);
  }
  if (secret?.items !== undefined) {
    return placed(secret.items, `Secret ${goQuote(secret.name ?? "")}`);
  }
  if (downwardAPI?.items !== undefined) return placed(downwardAPI.items, "DownwardAPI");
  if (serviceAccountToken !== undefined) {
    return [{ path: serviceAccountToken.path ?? "", source: "ServiceAccountToken" }];
  }
  if (clusterTrustBundle !== undefined) {
    const { name, signerName = "", path = "" } = clusterTrustBundle;
    return [{ path, source: `ClusterTrustBundle ${goQuote(name ?? signerName)}` }];
  }
  return certificatePaths(podCertificate);
}

function certificatePaths(certificate: Loose<VolumeProjection>["podCertificate"]): Placed[] {
  const { certificateChainPath = "", keyPath = "", credentialBundlePath = "" } = certificate ?? {};
  return [
    { path: certificateChainPath, source: "PodCertificate chain" },
    { path: keyPath, source: "PodCertificate key" },
    { path: credentialBundlePath, source: "PodCertificate credential bundle" },
  ].filter(({ path }) => path !== "");
}

const isEmptyProjection = (projection: object): boolean =>
  Object.values(projection).every((value) => value === undefined);

function projectedWarnings(volume: Loose<Volume>, room: WarningRoom): string[] {
  const sources = volume.projected?.sources;
  if (sources === undefined) return [];
  const name = goQuote(volume.name ?? "");
  const overlaps = new Overlaps(room);
  return sources.flatMap((source) => {
    if (isEmptyProjection(source)) return [`volume ${name} (Projected) has no sources provided`];
    const found = overlaps.of(projectedPaths(source));
    return found.map((text) => `volume ${name} (Projected): overlapping paths: ${text}`);
  });
}

function overlapWarnings(volume: Loose<Volume>, room: WarningRoom): string[] {
  const { name = "", configMap, secret, downwardAPI } = volume;
  const warn = (what: string, items: Items, source?: string): string[] => {
    if (items === undefined) return [];
    const shownSource = source === undefined ? what : `${what} ${goQuote(source)}`;
    return new Overlaps(room)
      .of(placed(items))
      .map((text) => `volume ${goQuote(name)} (${shownSource}): overlapping paths: ${text}`);
  };
  return [
    ...warn("ConfigMap", configMap?.items, configMap?.name ?? ""),
    ...warn("Secret", secret?.items, secret?.secretName ?? ""),
    ...warn("DownwardAPI", downwardAPI?.items),
    ...projectedWarnings(volume, room),
  ];
}

export function overlappingPathWarnings({ volumes }: Loose<PodSpec>): string[] {
  const room = new WarningRoom();
  return (volumes ?? []).flatMap((volume) => overlapWarnings(volume, room));
}
