/** The store on a PostgreSQL database, for those who have one that is looked after already. */
import { RemoteStore } from "../remote/remote-store.ts";
import type { Store } from "../store.ts";
import { type PostgresDeps, type PostgresOptions, retrying } from "./connection.ts";
import { PostgresPool } from "./pool.ts";
import { PostgresDatabase } from "./postgres-database.ts";
import { ensureDatabase, setUp } from "./schema.ts";

/** Rejects with StoreUnreachableError when PostgreSQL doesn't answer. */
export async function openPostgresStore(options: PostgresOptions, deps: PostgresDeps): Promise<Store> {
  const { name } = options;
  await retrying(name, deps, () => ensureDatabase(options));
  const pool = new PostgresPool(options, deps);
  try {
    await setUp(pool);
    const database = new PostgresDatabase({ ...deps, pool, options });
    const { revision, compacted } = await database.start();
    deps.log.info("datastore reached", { datastore: name, revision });
    return new RemoteStore({ revision, compacted }, { ...deps, database });
  } catch (error) {
    await pool.close();
    throw error;
  }
}
