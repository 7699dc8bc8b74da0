/** What only shows on etcd's wire: cases for a real etcd and for ours. */
import { after, describe, test } from "node:test";
import { concurrencyWireCases } from "./concurrency-wire-cases.ts";
import { EtcdCalls } from "./etcd-calls.ts";
import { watchWireCases } from "./watch-wire-cases.ts";

/** Keys and names are each case's own: all may share one server. */
export type WireCase = readonly [title: string, run: (calls: EtcdCalls) => Promise<void>];

export function etcdWireSuite(name: string, addressOf: () => Promise<string>): void {
  describe(name, () => {
    let calls: EtcdCalls | undefined;
    after(() => calls?.close());
    for (const [title, run] of [...watchWireCases, ...concurrencyWireCases]) {
      test(title, async () => {
        calls ??= new EtcdCalls(await addressOf());
        await run(calls);
      });
    }
  });
}
