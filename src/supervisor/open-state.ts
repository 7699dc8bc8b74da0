/** What a server begins with: its store, and its keys. */
import type { KeyValueStore } from "#store/kv.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";
import type { Store } from "#store/store.ts";
import { loadCertificates, type CertificateInput, type ServerCertificates } from "./certificates.ts";
import { shareBootstrapData } from "./datastore/bootstrap-data.ts";
import { datastoreName } from "./datastore/endpoint.ts";
import type { Host } from "./host.ts";
import type { ServerOptions } from "./options.ts";
import { serverPaths } from "./paths.ts";
import { givenToken } from "./tokens.ts";

export interface State {
  readonly store: Store;
  /** The same store as etcd has it; absent when it isn't ours. */
  readonly keyValues: KeyValueStore | undefined;
  readonly certificates: ServerCertificates;
  readonly token: string | undefined;
}

/** The store, and the keys that belong to what is in it. When it fails, nothing is open. */
export async function openState(
  options: Pick<ServerOptions, "dataDir" | "datastore" | "token" | "tokenFile">,
  input: CertificateInput,
  host: Pick<Host, "clock" | "random" | "log" | "assets" | "openDatastore">,
): Promise<State> {
  const { clock, log, assets } = host;
  const { datastore } = options;
  const paths = serverPaths(options.dataDir);
  const token = await givenToken(options);
  if (datastore.kind === "sqlite") {
    const [opened, loaded] = await Promise.allSettled([
      openSqliteStore(
        { path: paths.database, nativeBinding: assets.sqliteAddon },
        { clock, log: log.child({ component: "store" }), spawnWorker: assets.spawnStoreWorker },
      ),
      loadCertificates(input, host),
    ]);
    if (opened.status === "rejected") throw opened.reason;
    const store = opened.value;
    if (loaded.status === "rejected") {
      await store.close();
      throw loaded.reason;
    }
    return { store, keyValues: store.keyValues, certificates: loaded.value, token };
  }
  const store = await host.openDatastore(datastore, host);
  try {
    const name = datastoreName(datastore);
    const password = await shareBootstrapData({ token, paths, datastore: name }, { ...host, store });
    return {
      store,
      keyValues: undefined,
      certificates: await loadCertificates(input, host),
      token: password,
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
