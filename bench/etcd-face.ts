/** Our store behind etcd's API as a process of its own, for bench/store.ts: `node bench/etcd-face.ts FOLDER`; prints its address. */
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { serveEtcd } from "#store/etcd/server/server.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";

const [folder = "."] = process.argv.slice(2);
const store = await openSqliteStore(
  { path: join(folder, "face.db") },
  { clock: systemClock, log: silentLogger },
);
const server = await serveEtcd(
  {
    listenUrls: ["http://127.0.0.1:0"],
    tls: undefined,
    name: "bench",
    clusterSeed: "bench",
    quotaBytes: 8_000_000_000,
    spoolFolder: folder,
  },
  { store: store.keyValues, clock: systemClock, random: systemRandom, log: silentLogger },
);
console.log(new URL(server.urls[0] ?? "").host);
