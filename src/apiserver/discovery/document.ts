/** What discovery answers with: a body that clients keep and ask about again by its ETag. */
import { goJson } from "#api/codec/go-json.ts";
import { createHash } from "node:crypto";
import type { APIResourceDiscovery } from "#api/generated/types/apidiscovery-v2.ts";
import type { ResourceDefinition } from "#api/scheme.ts";

/** A group as discovery presents it, versions in order of preference. */
export interface DiscoveredGroup {
  /** "" for the core group. */
  readonly name: string;
  readonly versions: readonly DiscoveredVersion[];
}

export interface DiscoveredVersion {
  readonly version: string;
  /** By name. */
  readonly resources: readonly ResourceDefinition[];
  /** Instead of them: what another server says of its own. */
  readonly published?: readonly APIResourceDiscovery[] | undefined;
  /** "Stale": an aggregated server didn't answer lately. */
  readonly freshness?: "Current" | "Stale" | undefined;
}

export interface DiscoveryDocument {
  readonly object: object;
  /** Its JSON. */
  readonly body: Buffer;
  /** With its quotes, as the header has it. */
  readonly etag: string;
}

export const sha512 = (body: Uint8Array): string =>
  createHash("sha512").update(body).digest("hex").toUpperCase();

export function documentOf(object: object): DiscoveryDocument {
  const body = Buffer.from(`${goJson(object)}\n`);
  return { object, body, etag: `"${sha512(body)}"` };
}

/** Built-in groups from the scheme, ordered as there; others follow. */
export function groupsOf(
  resources: readonly ResourceDefinition[],
  order: readonly string[],
): DiscoveredGroup[] {
  const byGroup = Map.groupBy(resources, ({ group }) => group);
  const known = order.filter((name) => byGroup.has(name));
  const rest = [...byGroup.keys()].filter((name) => !order.includes(name)).toSorted();
  return [...known, ...rest].map((name) => ({
    name,
    versions: [...Map.groupBy(byGroup.get(name) ?? [], ({ version }) => version)]
      .toSorted(([a], [b]) => compareVersions(a, b))
      .map(([version, members]) => ({
        version,
        resources: members.toSorted((a, b) => (a.resource < b.resource ? -1 : 1)),
      })),
  }));
}

interface ParsedVersion {
  readonly major: number;
  /** v1 is 3, v1beta1 2, v1alpha1 1, anything else 0. */
  readonly stability: number;
  readonly minor: number;
}

function parseVersion(version: string): ParsedVersion {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return { major: 0, stability: 0, minor: 0 };
  const [, major = "", stage = "", minor = "0"] = match;
  const stability = stage === "" ? 3 : stage === "beta" ? 2 : 1;
  return { major: Number(major), stability, minor: Number(minor) };
}

/** The preferred version first: GA before beta before alpha, newer before older. upstream: apimachinery/pkg/version/helpers.go */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  return (
    right.stability - left.stability ||
    right.major - left.major ||
    right.minor - left.minor ||
    (a < b ? -1 : a > b ? 1 : 0)
  );
}
