/** Every promise of the Store interface, as tests any implementation must pass. */
import { suite, test } from "node:test";
import type { Store } from "../store.ts";
import type { Case } from "./cases.ts";
import { closeCases, compactionCases } from "./compaction-cases.ts";
import { pastCases, readCases } from "./read-cases.ts";
import { slowWatchCases, watchCases } from "./watch-cases.ts";
import { singleWriterCases, writeCases } from "./write-cases.ts";

/** A store of its own for each test. */
export interface OpenedStore {
  readonly store: Store;
  /** Removes what the store leaves behind, after it was closed. */
  readonly dispose: () => Promise<void>;
}

export type OpenStore = () => Promise<OpenedStore>;

const chapters = {
  writes: writeCases,
  "single writer": singleWriterCases,
  reads: readCases,
  "old revisions": pastCases,
  watch: watchCases,
  "slow watchers": slowWatchCases,
  compaction: compactionCases,
  close: closeCases,
} satisfies Readonly<Record<string, readonly Case[]>>;

type Chapter = keyof typeof chapters;

/** For a store that others write to as well. */
export const sharedChapters = (Object.keys(chapters) as Chapter[]).filter((name) => name !== "single writer");

/** `only`: for a variant of a store that has passed the rest already. */
export function storeSuite(name: string, open: OpenStore, only?: readonly Chapter[]): void {
  suite(name, () => {
    for (const [chapter, cases] of Object.entries(chapters)) {
      if (only?.some((wanted) => wanted === chapter) === false) continue;
      suite(chapter, () => {
        for (const [title, run] of cases) test(title, () => runCase(open, run));
      });
    }
  });
}

async function runCase(open: OpenStore, run: Case[1]): Promise<void> {
  const { store, dispose } = await open();
  try {
    await run(store);
  } finally {
    await store.close();
    await dispose();
  }
}
