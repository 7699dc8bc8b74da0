/** The stores over etcd and PostgreSQL on a network that breaks. */
import { after } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { openEtcdStore } from "#store/etcd/client/store.ts";
import { openPostgresStore } from "#store/postgres/store.ts";
import type { Store } from "#store/store.ts";
import { type EtcdMember, startEtcd } from "./etcd.ts";
import { absenceCases, type Broken, faultCases } from "./fault-cases.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";
import { TcpProxy } from "./tcp-proxy.ts";

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
const etcds: EtcdMember[] = [];
let postgres: Promise<PostgresServer> | undefined;
let databases = 0;

after(async () => {
  for (const member of etcds) await member.remove();
  await (await postgres)?.remove();
});

async function broken(port: number, open: (port: number) => Promise<Store>): Promise<Broken> {
  const proxy = await TcpProxy.to(port);
  const [store, other] = [await open(proxy.port), await open(port)];
  const close = async (): Promise<void> => {
    await Promise.all([store.close(), other.close()]);
    await proxy.close();
  };
  return { store, other, proxy, close };
}

const onEtcd = async (): Promise<Broken> => {
  const member = await startEtcd();
  etcds.push(member);
  const port = Number(member.address.split(":")[1]);
  return broken(port, (each) => openEtcdStore({ members: [`127.0.0.1:${each}`], tls: undefined }, deps));
};

const onPostgres = async (): Promise<Broken> => {
  postgres ??= startPostgres();
  const server = await postgres;
  const database = `faults_${++databases}`;
  return broken(server.port, (port) =>
    openPostgresStore({ url: server.url(database, port), name: "postgres", tls: undefined }, deps),
  );
};

for (const [name, open] of [
  ["etcd", onEtcd],
  ["PostgreSQL", onPostgres],
] as const) {
  faultCases(name, open);
  absenceCases(name, open);
}
