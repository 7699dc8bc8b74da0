/**
 * Kubeconfig files: read one context of them, write one with a single context.
 * upstream: client-go/tools/clientcmd
 */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { writeFileAtomic } from "#base/files.ts";
import { formatYaml, parseYaml } from "#api/codec/yaml.ts";
import type { Clock } from "#base/clock.ts";
import { FileIdentity, fixedIdentity, type IdentitySource } from "./identity.ts";
import type { TlsTransportOptions } from "./transport.ts";

/** How to reach a cluster and as whom. */
export interface ClusterAccess {
  readonly options: TlsTransportOptions;
  readonly identity: IdentitySource;
  /** The context's namespace, "default" when it names none. */
  readonly namespace: string;
}

export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";
  readonly code = "KUBECONFIG";
}

interface NamedCluster {
  readonly name: string;
  readonly cluster: {
    readonly server?: string;
    readonly "certificate-authority"?: string;
    readonly "certificate-authority-data"?: string;
    readonly "insecure-skip-tls-verify"?: boolean;
    readonly "tls-server-name"?: string;
  };
}

interface NamedUser {
  readonly name: string;
  readonly user: {
    readonly "client-certificate"?: string;
    readonly "client-certificate-data"?: string;
    readonly "client-key"?: string;
    readonly "client-key-data"?: string;
    readonly token?: string;
    readonly tokenFile?: string;
    readonly exec?: unknown;
    readonly "auth-provider"?: unknown;
    readonly username?: string;
  };
}

interface NamedContext {
  readonly name: string;
  readonly context: { readonly cluster: string; readonly user: string; readonly namespace?: string };
}

interface Kubeconfig {
  readonly "current-context"?: string;
  readonly clusters?: readonly NamedCluster[] | null;
  readonly users?: readonly NamedUser[] | null;
  readonly contexts?: readonly NamedContext[] | null;
}

/** Without `context` the file's current one. Files that it names are read relative to it. */
export async function loadKubeconfig(path: string, clock: Clock, context?: string): Promise<ClusterAccess> {
  const config = parse(await readFile(path, "utf8"), path);
  const wanted = context ?? config["current-context"] ?? "";
  const chosen = config.contexts?.find(({ name }) => name === wanted)?.context;
  if (chosen === undefined) throw new KubeconfigError(`${path} has no context ${JSON.stringify(wanted)}`);
  const cluster = config.clusters?.find(({ name }) => name === chosen.cluster)?.cluster ?? {};
  const user = config.users?.find(({ name }) => name === chosen.user)?.user ?? {};
  const file = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : resolve(dirname(path), name);
  const { server } = cluster;
  if (server === undefined) {
    throw new KubeconfigError(`${path} has no server for cluster ${JSON.stringify(chosen.cluster)}`);
  }
  const fault = faultOf(user, chosen.user, path);
  if (fault !== undefined) throw fault;
  return {
    options: {
      server,
      certificateAuthority: await authorityOf(cluster, file),
      serverName: cluster["tls-server-name"],
      isUnverified: cluster["insecure-skip-tls-verify"],
    },
    identity: identityOf(user, file, clock),
    namespace: chosen.namespace ?? "default",
  };
}

/** Everybody in a file. */
export interface KubeconfigUsers {
  readonly byName: ReadonlyMap<string, IdentitySource>;
  /** Of the current context, where it names one. */
  readonly current: IdentitySource | undefined;
}

/** Who is named in it, wherever they may be known. Throws KubeconfigError. */
export async function loadKubeconfigUsers(path: string, clock: Clock): Promise<KubeconfigUsers> {
  const config = parse(await readFile(path, "utf8"), path);
  const file = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : resolve(dirname(path), name);
  const byName = new Map(
    (config.users ?? []).map(({ name, user }) => {
      const fault = faultOf(user, name, path);
      // Others in the file may do.
      const source = fault === undefined ? identityOf(user, file, clock) : refusing(fault);
      return [name, source] as const;
    }),
  );
  const context = config.contexts?.find(({ name }) => name === config["current-context"])?.context;
  return { byName, current: context === undefined ? undefined : byName.get(context.user) };
}

function parse(text: string, path: string): Kubeconfig {
  let config: unknown;
  try {
    config = parseYaml(text);
  } catch (cause) {
    throw new KubeconfigError(`${path} is no YAML`, { cause });
  }
  if (typeof config !== "object" || config === null) throw new KubeconfigError(`${path} is no kubeconfig`);
  return config;
}

async function authorityOf(
  cluster: NamedCluster["cluster"],
  file: (name: string | undefined) => string | undefined,
): Promise<string | undefined> {
  const path = file(cluster["certificate-authority"]);
  const data = decode(cluster["certificate-authority-data"]);
  return data ?? (path === undefined ? undefined : await readFile(path, "utf8"));
}

/** Undefined for a user who is known by what is read here, or is nobody. Otherwise he would come as nobody without a word. */
function faultOf(user: NamedUser["user"], name: string, path: string): KubeconfigError | undefined {
  const known = [
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "tokenFile",
  ] as const;
  if (known.some((key) => user[key] !== undefined)) return undefined;
  const unknown = (["exec", "auth-provider", "username"] as const).find((key) => user[key] !== undefined);
  if (unknown === undefined) return undefined;
  return new KubeconfigError(
    `${path}: user ${JSON.stringify(name)} has no certificate and no token, and ${unknown} isn't known here`,
  );
}

const refusing = (fault: Error): IdentitySource => ({ identity: () => Promise.reject(fault) });

function identityOf(
  user: NamedUser["user"],
  file: (name: string | undefined) => string | undefined,
  clock: Clock,
): IdentitySource {
  const cert = decode(user["client-certificate-data"]);
  const key = decode(user["client-key-data"]);
  if (cert !== undefined && key !== undefined) {
    return fixedIdentity({ certificate: { cert, key }, bearerToken: user.token });
  }
  const certFile = file(user["client-certificate"]);
  const keyFile = file(user["client-key"]);
  const tokenFile = file(user.tokenFile);
  if (certFile === undefined && tokenFile === undefined) return fixedIdentity({ bearerToken: user.token });
  return new FileIdentity({ certFile, keyFile, tokenFile }, clock);
}

function decode(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, "base64").toString("utf8");
}

/** All PEM texts go into the file, so that it can be copied elsewhere. */
export interface KubeconfigParts {
  readonly server: string;
  readonly certificateAuthority: string;
  /** Of cluster, user and context: "default". */
  readonly name?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
  readonly token?: string;
}

export function kubeconfigText({
  server,
  certificateAuthority,
  name = "default",
  certificate,
  token,
}: KubeconfigParts): string {
  const user = {
    ...(certificate === undefined
      ? {}
      : { "client-certificate-data": encode(certificate.cert), "client-key-data": encode(certificate.key) }),
    ...(token === undefined ? {} : { token }),
  };
  const config = {
    apiVersion: "v1",
    clusters: [{ cluster: { "certificate-authority-data": encode(certificateAuthority), server }, name }],
    contexts: [{ context: { cluster: name, user: name }, name }],
    "current-context": name,
    kind: "Config",
    preferences: {},
    users: [{ name, user }],
  };
  return formatYaml(config);
}

/** Readable by its owner only, unless `mode` says otherwise. */
export async function writeKubeconfig(path: string, parts: KubeconfigParts, mode = 0o600): Promise<void> {
  await writeFileAtomic(path, kubeconfigText(parts), mode);
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}
