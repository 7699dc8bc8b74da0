/** Opens the store on PostgreSQL. Loaded only by servers that have one. */
import { openPostgresStore } from "#store/postgres/store.ts";
import type { Store } from "#store/store.ts";
import type { StoreHost } from "../host.ts";
import { datastoreName, type Datastore } from "./endpoint.ts";
import { readTlsFiles } from "./tls-files.ts";

export async function openPostgres(
  datastore: Extract<Datastore, { kind: "postgres" }>,
  { clock, random, log }: StoreHost,
): Promise<Store> {
  const { url, files } = datastore;
  const hasFiles = Object.values(files).some((file) => file !== undefined);
  const tls = hasFiles ? await readTlsFiles(files) : undefined;
  return openPostgresStore(
    { url, tls, name: datastoreName(datastore) },
    { clock, random, log: log.child({ component: "store" }) },
  );
}
