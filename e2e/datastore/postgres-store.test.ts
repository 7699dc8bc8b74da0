/** The store over a real PostgreSQL keeps every promise of the interface. */
import { after, before } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { openPostgresStore } from "#store/postgres/store.ts";
import { sharedChapters, storeSuite } from "#store/testing/store.suite.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";

let server: PostgresServer;
let count = 0;

before(async () => {
  server = await startPostgres();
});
after(() => server.remove());

storeSuite(
  "store on PostgreSQL",
  async () => {
    // A database of its own, which the store makes.
    const url = server.url(`case_${++count}`);
    const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
    const store = await openPostgresStore({ url, name: "postgres", tls: undefined }, deps);
    return { store, dispose: () => Promise.resolve() };
  },
  sharedChapters,
);
