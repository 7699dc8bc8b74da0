/** The store over a real etcd keeps every promise of the interface. */
import { after } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { openEtcdStore } from "#store/etcd/client/store.ts";
import { sharedChapters, storeSuite } from "#store/testing/store.suite.ts";
import { type EtcdMember, startEtcd } from "./etcd.ts";

/** The next case's etcd starts while this one's runs. */
let next: Promise<EtcdMember> | undefined = startEtcd();
next.catch(() => undefined);

after(async () => {
  await (await next)?.remove();
});

storeSuite(
  "store on etcd",
  async () => {
    const member = await (next ?? startEtcd());
    next = startEtcd();
    next.catch(() => undefined);
    const store = await openEtcdStore(
      { members: [member.address], tls: undefined },
      { clock: systemClock, random: systemRandom, log: silentLogger },
    );
    return { store, dispose: () => member.remove() };
  },
  sharedChapters,
);
