/** Opens the store on an etcd cluster. Loaded only by servers that have one. */
import { openEtcdStore } from "#store/etcd/client/store.ts";
import type { Store } from "#store/store.ts";
import type { StoreHost } from "../host.ts";
import type { Datastore } from "./endpoint.ts";
import { readTlsFiles } from "./tls-files.ts";

export async function openEtcd(
  { members, isTls, files }: Extract<Datastore, { kind: "etcd" }>,
  { clock, random, log }: StoreHost,
): Promise<Store> {
  const tls = isTls ? await readTlsFiles(files) : undefined;
  return openEtcdStore({ members, tls }, { clock, random, log: log.child({ component: "store" }) });
}
