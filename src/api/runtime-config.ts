/**
 * --runtime-config: which group versions, and which resources of them, clients are served.
 * upstream: apiserver/pkg/server/resourceconfig/helpers.go, apiserver/pkg/server/options/api_enablement.go
 */
import { groupVersionFacts } from "./facts/resources.ts";
import { knownGroupVersions } from "./facts/schema.ts";
import { apiVersionOf, parseApiVersion, type GroupVersionResource } from "./meta/object.ts";
import type { Serves } from "./scheme.ts";

/** Thrown in upstream's words. */
export class RuntimeConfigError extends Error {}

/** For all group versions of one maturity; applied in this order, before what names group versions. */
const maturities: ReadonlyMap<string, RegExp> = new Map([
  ["api/all", /^/],
  ["api/ga", /^v\d+$/],
  ["api/beta", /^v\d+beta\d+$/],
  ["api/alpha", /^v\d+alpha\d+$/],
]);

const known = new Set(knownGroupVersions);
const knownGroups = new Set(knownGroupVersions.map((apiVersion) => parseApiVersion(apiVersion).group));

/** "group/version" or "group/version/resource" to whether it is on. */
interface Preferences {
  readonly versions: ReadonlyMap<string, boolean>;
  readonly resources: ReadonlyMap<string, boolean>;
}

/** Undefined: what is served by default. `pairs` are "key=value". Throws RuntimeConfigError. */
export function parseRuntimeConfig(pairs: readonly string[]): Serves | undefined {
  if (pairs.length === 0) return undefined;
  const config = new Map(pairs.map(parsePair));
  checkKeys(config);
  const versions = new Map(groupVersionFacts.map((fact) => [apiVersionOf(fact), true]));
  for (const [key, pattern] of maturities) {
    const value = config.get(key);
    if (value === undefined) continue;
    if (value !== "true" && value !== "false") throw new RuntimeConfigError(`invalid value ${key}=${value}`);
    for (const apiVersion of known) {
      if (pattern.test(parseApiVersion(apiVersion).version)) versions.set(apiVersion, value === "true");
    }
  }
  const named = preferencesOf(config);
  for (const [apiVersion, isOn] of named.versions) versions.set(apiVersion, isOn);
  return (gvr) => named.resources.get(nameOf(gvr)) ?? versions.get(apiVersionOf(gvr)) ?? false;
}

function parsePair(pair: string): [key: string, value: string] {
  const at = pair.indexOf("=");
  return at < 0 ? [pair.trim(), ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

function checkKeys(config: ReadonlyMap<string, string>): void {
  if (config.size === 1 && config.get("api/all") === "false") {
    throw new RuntimeConfigError("invalid key with only api/all=false");
  }
  const unknown: string[] = [];
  for (const key of config.keys()) {
    if (maturities.has(key)) continue;
    const parts = key.split("/");
    if (parts.length !== 2 && parts.length !== 3) {
      throw new RuntimeConfigError(`runtime-config invalid key ${key}`);
    }
    const [group = ""] = parts;
    if (!knownGroups.has(group)) unknown.push(group);
  }
  if (unknown.length > 0) throw new RuntimeConfigError(`unknown api groups ${unknown.join(",")}`);
}

function preferencesOf(config: ReadonlyMap<string, string>): Preferences {
  const versions = new Map<string, boolean>();
  const resources = new Map<string, boolean>();
  for (const [key, value] of config) {
    if (maturities.has(key)) continue;
    const [group = "", version = "", resource] = key.split("/");
    const apiVersion = apiVersionOf({ group, version });
    if (!known.has(apiVersion)) {
      throw new RuntimeConfigError(`group version ${apiVersion} that has not been registered`);
    }
    const isOn = parseFlag(key, value);
    if (resource === undefined) versions.set(apiVersion, isOn);
    else if (resource !== resource.toLowerCase()) {
      throw new RuntimeConfigError(
        `invalid key ${key}: group/version/resource and resource is always lowercase plural, not ${JSON.stringify(resource)}`,
      );
    } else resources.set(nameOf({ group, version, resource }), isOn);
  }
  return { versions, resources };
}

const nameOf = (gvr: GroupVersionResource): string => `${apiVersionOf(gvr)}/${gvr.resource}`;

/** Go's spellings of true and false; nothing at all is true. */
function parseFlag(key: string, value: string): boolean {
  if (value === "" || ["1", "t", "T", "TRUE", "true", "True"].includes(value)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(value)) return false;
  throw new RuntimeConfigError(
    `invalid value of ${key}: ${value}, err: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
  );
}
