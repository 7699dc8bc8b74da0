/** A real etcd keeps every promise that we make in its name: the suite that our store passes. */
import { after, before } from "node:test";
import { EtcdKeyValues } from "#store/testing/etcd-key-values.ts";
import { etcdWireSuite } from "#store/testing/etcd-wire.suite.ts";
import { keyValueSuite } from "#store/testing/key-value.suite.ts";
import { type EtcdMember, startEtcd } from "../datastore/etcd.ts";

let member: EtcdMember | undefined;

before(async () => {
  member = await startEtcd();
});
after(() => member?.remove());

keyValueSuite("a real etcd", async () => {
  const client = new EtcdKeyValues(member?.address ?? "");
  await client.delete({ range: { start: "\0", end: undefined } });
  return {
    store: client,
    dispose: () => {
      client.close();
      return Promise.resolve();
    },
  };
});

etcdWireSuite("a real etcd's wire", () => Promise.resolve(member?.address ?? ""));
