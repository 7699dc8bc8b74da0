/** The store on an etcd cluster: where a cluster goes that outgrows one machine. */
import { RemoteStore } from "../../remote/remote-store.ts";
import type { Store } from "../../store.ts";
import { EtcdConnection, type EtcdDeps, type EtcdOptions } from "./connection.ts";
import { EtcdDatabase } from "./etcd-database.ts";

/** Rejects with StoreUnreachableError when no member answers. */
export async function openEtcdStore(options: EtcdOptions, deps: EtcdDeps): Promise<Store> {
  const connection = new EtcdConnection(options, deps);
  const database = new EtcdDatabase(connection, deps);
  try {
    const revision = await database.latest();
    deps.log.info("datastore reached", { members: connection.name, revision });
    const compacted = revision > 1n ? await database.compacted() : 0n;
    return new RemoteStore({ revision, compacted }, { ...deps, database });
  } catch (error) {
    await database.close();
    throw error;
  }
}
