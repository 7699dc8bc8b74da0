/** Compaction: first the decision, then rows go in slices, so that no write waits long for them. */
import { errorText } from "#base/log.ts";
import { CompactedError, FutureRevisionError, type Revision } from "../store.ts";
import type { PostgresDeps } from "./connection.ts";
import type { PostgresPool, Transaction } from "./pool.ts";
import { deleteOperation } from "./rows.ts";

/** Rows looked at in one transaction. */
const sliceMax = 500;

export interface PostgresCompactionDeps extends PostgresDeps {
  readonly pool: PostgresPool;
}

export class PostgresCompaction {
  readonly #deps: PostgresCompactionDeps;
  #sweeping: Promise<void> | undefined;
  #isClosed = false;

  constructor(deps: PostgresCompactionDeps) {
    this.#deps = deps;
  }

  /** Resolves when it is decided; rows are freed afterwards. */
  async compact(revision: Revision): Promise<void> {
    const { pool } = this.#deps;
    /** Once COMMIT may have been on its way. */
    let mayBeDone = false;
    const decide = async (tx: Transaction): Promise<void> => {
      const [state] = await tx<{ revision: Revision; compacted: Revision }[]>`
        select revision, compacted from mini_k8s_state where id = 1 for update`;
      const { revision: newest = 0n, compacted = 0n } = state ?? {};
      if (mayBeDone && revision === compacted) return;
      if (revision <= compacted) throw new CompactedError(compacted);
      if (revision > newest) throw new FutureRevisionError(revision, newest);
      await tx`update mini_k8s_state set compacted = ${revision} where id = 1`;
      // Of servers that are gone. Who still writes has a row again with its next write.
      await tx`delete from mini_k8s_writers where revision <= ${revision}`;
    };
    const ending = (): void => {
      mayBeDone = true;
    };
    await pool.retrying(() => pool.transaction(decide, { ending }));
    this.sweep();
  }

  /** Goes on with what any server has left behind. */
  sweep(): void {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const { pool, log } = this.#deps;
    try {
      for (let hasMore = true; hasMore && !this.#isClosed;) {
        hasMore = await pool.retrying(() => pool.transaction(sweepSlice));
      }
    } catch (error) {
      log.warn("can't free compacted space, will retry at the next compaction", { error: errorText(error) });
    }
  }
}

/**
 * A row goes when what replaced it lies below the compacted revision: that revision itself stays readable, and so does
 * what its event replaced. False when nothing is left, or another server is at it.
 */
async function sweepSlice(tx: Transaction): Promise<boolean> {
  const [sweep] = await tx<{ swept: Revision }[]>`
      select swept from mini_k8s_sweep where id = 1 for update skip locked`;
  if (sweep === undefined) return false;
  const rows = await tx<{ revision: Revision; previous: Revision; operation: number }[]>`
      select l.revision, l.previous, l.operation
      from mini_k8s_state s join mini_k8s_log l on l.revision > ${sweep.swept} and l.revision < s.compacted
      order by l.revision limit ${sliceMax}`;
  const last = rows.at(-1);
  if (last === undefined) return false;
  const gone = [
    ...rows.map(({ previous }) => previous).filter((previous) => previous > 0n),
    ...rows.filter(({ operation }) => operation === deleteOperation).map(({ revision }) => revision),
  ];
  if (gone.length > 0) await tx`delete from mini_k8s_log where revision in ${tx(gone)}`;
  await tx`update mini_k8s_sweep set swept = ${last.revision} where id = 1`;
  return rows.length === sliceMax;
}
