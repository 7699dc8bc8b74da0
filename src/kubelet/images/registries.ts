/**
 * registries.yaml, in k3s's form: mirrors of registries, and how to speak with each host.
 * upstream: k3s docs/installation/private-registry
 */
import { readFile } from "node:fs/promises";
import { parseYaml } from "#api/codec/yaml.ts";
import { readTextIfExists } from "#base/files.ts";
import type { ImageAuth } from "../runtime/runtime.ts";

export interface RegistriesConfig {
  readonly mirrors?: Readonly<Record<string, Mirror>>;
  /** By host, with the port where it isn't the usual one. */
  readonly configs?: Readonly<Record<string, HostConfig>>;
}

interface Mirror {
  readonly endpoint?: readonly string[];
  /** Regular expression → replacement, applied to the repository. */
  readonly rewrite?: Readonly<Record<string, string>>;
}

interface HostConfig {
  readonly auth?: {
    readonly username?: string;
    readonly password?: string;
    /** base64 of "username:password". */
    readonly auth?: string;
  };
  readonly tls?: {
    readonly ca_file?: string;
    readonly cert_file?: string;
    readonly key_file?: string;
    readonly insecure_skip_verify?: boolean;
  };
}

export interface Endpoint {
  /** "https://registry-1.docker.io/v2": requests go below it. */
  readonly base: URL;
  readonly repository: string;
  /** Of a mirror: the registry it stands for, which it is told. */
  readonly namespace: string | undefined;
  readonly auth: ImageAuth | undefined;
}

export interface TlsFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly rejectUnauthorized: boolean;
}

/** An absent file is an empty configuration. */
export async function readRegistries(path: string | undefined): Promise<RegistriesConfig> {
  const text = path === undefined ? undefined : await readTextIfExists(path);
  const value = text === undefined ? undefined : parseYaml(text);
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new Error(`${path ?? "registries"} must hold the maps "mirrors" and "configs"`);
  }
  return value;
}

const hubHost = "registry-1.docker.io";

/** Where to ask for a repository, in order: the mirrors, then the registry itself. */
export function endpointsOf(registry: string, repository: string, config: RegistriesConfig): Endpoint[] {
  const mirror = config.mirrors?.[registry] ?? config.mirrors?.["*"];
  const rewritten = rewrite(repository, mirror?.rewrite ?? {});
  const mirrors = (mirror?.endpoint ?? []).map((endpoint): Endpoint => {
    const base = baseUrl(endpoint.includes("://") ? endpoint : `https://${endpoint}`);
    return { base, repository: rewritten, namespace: registry, auth: authOf(base, config) };
  });
  const host = registry === "docker.io" ? hubHost : registry;
  const base = baseUrl(`${isPlain(host, config) ? "http" : "https"}://${host}`);
  const own: Endpoint = {
    base,
    repository,
    namespace: undefined,
    auth: authOf(base, config) ?? authOfHost(registry, config),
  };
  return [...mirrors.filter((endpoint) => endpoint.base.href !== base.href), own];
}

function baseUrl(endpoint: string): URL {
  const url = new URL(endpoint);
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith("/v2") ? path : `${path}/v2`;
  return url;
}

function rewrite(repository: string, rules: Readonly<Record<string, string>>): string {
  for (const [pattern, replacement] of Object.entries(rules)) {
    const expression = new RegExp(pattern);
    if (expression.test(repository)) return repository.replace(expression, replacement);
  }
  return repository;
}

/** Registries on this machine rarely have a certificate; they are asked in plain unless told otherwise. */
function isPlain(host: string, config: RegistriesConfig): boolean {
  const name = host.replace(/:\d+$/, "");
  const isLoopback = name === "localhost" || name === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(name);
  return isLoopback && config.configs?.[host]?.tls === undefined;
}

function authOf(base: URL, config: RegistriesConfig): ImageAuth | undefined {
  return authOfHost(base.host, config);
}

function authOfHost(host: string, config: RegistriesConfig): ImageAuth | undefined {
  const auth = config.configs?.[host]?.auth;
  if (auth === undefined) return undefined;
  if (auth.username !== undefined) return { username: auth.username, password: auth.password ?? "" };
  const [username = "", ...rest] = Buffer.from(auth.auth ?? "", "base64")
    .toString()
    .split(":");
  return username === "" ? undefined : { username, password: rest.join(":") };
}

export async function tlsOf(base: URL, config: RegistriesConfig): Promise<TlsFiles> {
  const tls = config.configs?.[base.host]?.tls;
  const files: Record<string, Buffer> = {};
  for (const [name, path] of [
    ["ca", tls?.ca_file],
    ["cert", tls?.cert_file],
    ["key", tls?.key_file],
  ] as const) {
    if (path !== undefined) files[name] = await readFile(path);
  }
  return { ...files, rejectUnauthorized: tls?.insecure_skip_verify !== true };
}
