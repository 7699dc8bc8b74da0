/** Serves etcd's API. Loaded only by servers that were asked to. */
import { readFile } from "node:fs/promises";
import { type EtcdServer, serveEtcd } from "#store/etcd/server/server.ts";
import type { KeyValueStore } from "#store/kv.ts";
import type { StoreHost } from "../host.ts";
import type { EtcdListenOptions } from "./options.ts";

export interface EtcdListenInput {
  readonly store: KeyValueStore;
  readonly name: string;
  readonly clusterSeed: string;
  readonly spoolFolder: string;
}

export async function listenAsEtcd(
  options: EtcdListenOptions,
  { store, name, clusterSeed, spoolFolder }: EtcdListenInput,
  { clock, random, log }: StoreHost,
): Promise<EtcdServer> {
  const { urls, certFile, keyFile, trustedCaFile, quotaBytes } = options;
  const tls =
    certFile === undefined || keyFile === undefined
      ? undefined
      : {
          certificatePem: await read("etcd-cert-file", certFile),
          keyPem: await read("etcd-key-file", keyFile),
          clientCaPem:
            trustedCaFile === undefined ? undefined : await read("etcd-trusted-ca-file", trustedCaFile),
        };
  return serveEtcd(
    { listenUrls: urls, tls, name, clusterSeed, quotaBytes, spoolFolder },
    { store, clock, random, log: log.child({ component: "etcd" }) },
  );
}

async function read(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new Error(`--${flag} is ${path}, which can't be read`, { cause: error });
  }
}
