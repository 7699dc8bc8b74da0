/** --datastore-endpoint and the files that go with it: where the cluster's state is kept. k3s's names and forms. */
import { sslModes } from "#store/postgres/tls.ts";

export interface DatastoreFiles {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

export type Datastore =
  /** A file of this server's own. */
  | { readonly kind: "sqlite" }
  | {
      readonly kind: "etcd";
      /** "host:port" of each member. */
      readonly members: readonly string[];
      readonly isTls: boolean;
      readonly files: DatastoreFiles;
    }
  | {
      readonly kind: "postgres";
      /** Holds the password: not for logs. */
      readonly url: string;
      readonly files: DatastoreFiles;
    };

const etcdPort = "2379";
const forms =
  "https://HOST:PORT,... or http://HOST:PORT,... of etcd, or postgres://USER:PASSWORD@HOST:PORT/DATABASE";

/** libpq's names in a URL. */
const fileParameters = { sslrootcert: "cafile", sslcert: "certfile", sslkey: "keyfile" };

/** Adds to `faults`, none of which shows a password. */
export function readDatastore(
  endpoint: string | undefined,
  files: DatastoreFiles,
  faults: string[],
): Datastore {
  const { certFile, keyFile } = files;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const [given, missing] = certFile === undefined ? ["keyfile", "certfile"] : ["certfile", "keyfile"];
    faults.push(`--datastore-${given} is given, --datastore-${missing} is missing`);
  }
  const hasFiles = Object.values(files).some((file) => file !== undefined);
  if (endpoint === undefined || /^sqlite(:\/\/)?$/.test(endpoint)) {
    if (hasFiles) {
      faults.push(
        "--datastore-cafile, --datastore-certfile and --datastore-keyfile need --datastore-endpoint",
      );
    }
    return { kind: "sqlite" };
  }
  if (/^https?:\/\//.test(endpoint)) return readEtcd(endpoint, files, faults);
  if (/^postgres(ql)?:\/\//.test(endpoint)) return readPostgres(endpoint, files, faults);
  const [, scheme] = /^([a-z0-9+]+):\/\//i.exec(endpoint) ?? [];
  faults.push(
    scheme === undefined
      ? `--datastore-endpoint has no scheme, must be ${forms}`
      : `--datastore-endpoint has the scheme ${scheme}, must be ${forms}`,
  );
  return { kind: "sqlite" };
}

/** For messages: without user and password. */
export function datastoreName(datastore: Datastore): string {
  switch (datastore.kind) {
    case "sqlite":
      return "sqlite";
    case "etcd":
      return datastore.members.join(",");
    case "postgres": {
      const { host, pathname } = new URL(datastore.url);
      return `postgres://${host}${pathname}`;
    }
  }
}

function readEtcd(endpoint: string, files: DatastoreFiles, faults: string[]): Datastore {
  const parts = endpoint.split(",").map((part) => part.trim());
  const members: string[] = [];
  for (const part of parts) {
    const [, host, port = etcdPort] =
      /^https?:\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?\/?$/i.exec(part) ?? [];
    if (part.includes("@")) {
      faults.push("--datastore-endpoint has a user in an etcd URL: etcd takes certificates only");
    } else if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
      faults.push(`--datastore-endpoint has ${part || "an empty entry"}, must be https://HOST:PORT`);
    } else members.push(`${host}:${port}`);
  }
  const isTls = parts.every((part) => !part.startsWith("http://"));
  if (!isTls && parts.some((part) => part.startsWith("https://"))) {
    faults.push("--datastore-endpoint mixes http:// and https://, all members must have the same");
  }
  if (!isTls && Object.values(files).some((file) => file !== undefined)) {
    faults.push("--datastore-cafile, --datastore-certfile and --datastore-keyfile need https:// endpoints");
  }
  return { kind: "etcd", members: [...new Set(members)], isTls, files };
}

function readPostgres(endpoint: string, files: DatastoreFiles, faults: string[]): Datastore {
  if (!URL.canParse(endpoint)) {
    faults.push("--datastore-endpoint is no valid postgres:// URL");
    return { kind: "postgres", url: endpoint, files };
  }
  const url = new URL(endpoint);
  if (url.username === "" && !endpoint.includes("user=")) {
    faults.push("--datastore-endpoint names no user: postgres://USER:PASSWORD@HOST:PORT/DATABASE");
  }
  if (url.hostname.includes(",")) {
    faults.push("--datastore-endpoint names several hosts of PostgreSQL, must be one");
  }
  const mode = url.searchParams.get("sslmode");
  if (mode !== null && !sslModes.some((known) => known === mode)) {
    faults.push(`--datastore-endpoint has sslmode=${mode}, must be one of ${sslModes.join(", ")}`);
  }
  const hasFiles = Object.values(files).some((file) => file !== undefined);
  if (hasFiles && ["disable", "allow", "prefer"].includes(mode ?? "")) {
    faults.push(
      `--datastore-endpoint has sslmode=${mode}: --datastore-cafile, --datastore-certfile and --datastore-keyfile need require, verify-ca or verify-full`,
    );
  }
  for (const [parameter, flag] of Object.entries(fileParameters)) {
    if (url.searchParams.has(parameter)) {
      faults.push(`--datastore-endpoint has ${parameter}: give that file with --datastore-${flag}`);
    }
  }
  return { kind: "postgres", url: endpoint, files };
}
