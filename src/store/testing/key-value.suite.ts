/** Every promise of the KeyValueStore interface, as tests any implementation must pass: etcd itself too. */
import { suite, test } from "node:test";
import type { KeyValueStore } from "../kv.ts";
import { type KeyValueCase, rangeCases, transactionCases, writeCases } from "./key-value-cases.ts";
import { keyWatchCases, leaseCases } from "./key-value-lease-cases.ts";

/** Empty of keys and leases; it may have been used before. */
export interface OpenedKeyValues {
  readonly store: KeyValueStore;
  readonly dispose: () => Promise<void>;
}

const chapters: Readonly<Record<string, readonly KeyValueCase[]>> = {
  writes: writeCases,
  ranges: rangeCases,
  transactions: transactionCases,
  leases: leaseCases,
  watch: keyWatchCases,
};

export function keyValueSuite(name: string, open: () => Promise<OpenedKeyValues>): void {
  suite(name, () => {
    for (const [chapter, cases] of Object.entries(chapters)) {
      suite(chapter, () => {
        for (const [title, run] of cases) {
          test(title, async () => {
            const { store, dispose } = await open();
            try {
              await run(store);
            } finally {
              await dispose();
            }
          });
        }
      });
    }
  });
}
