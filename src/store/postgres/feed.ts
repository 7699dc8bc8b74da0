/**
 * Follows the log: reads on whenever PostgreSQL notifies of a commit, or one of ours is through. No polling: a
 * connection that was lost counts as a notification once it is back.
 */
import { errorText } from "#base/log.ts";
import type { Follower, Following } from "../remote/remote-database.ts";
import { CompactedError, type Revision, StoreClosedError } from "../store.ts";
import { connect, type PostgresDeps, type PostgresOptions, type Sql } from "./connection.ts";
import type { PostgresPool } from "./pool.ts";
import { type EventRow, eventOf } from "./rows.ts";
import { channel } from "./schema.ts";

/** Rows read at once. */
const pageMax = 500;
/** Before listening again. */
const listenPauseMs = 100;
/** After all tries of a request have failed. */
const retryMs = 500;

interface Page {
  readonly compacted: Revision;
  readonly rows: readonly EventRow[];
}

export interface PostgresFeedDeps extends PostgresDeps {
  readonly pool: PostgresPool;
  readonly options: PostgresOptions;
}

export class PostgresFeed {
  readonly #deps: PostgresFeedDeps;
  readonly #followers = new Set<Follower>();
  /** Counts what may have brought something new. */
  #news = 0;
  #wakers: (() => void)[] = [];
  #isClosed = false;
  #listening: Sql | undefined;

  constructor(deps: PostgresFeedDeps) {
    this.#deps = deps;
  }

  /** Resolves when notifications arrive; sees to it that they go on to. */
  async listen(): Promise<void> {
    const connection = connect(this.#deps.options, {
      onnotify: () => {
        this.wake();
      },
      onclose: () => {
        this.#listenAgain(connection);
      },
    });
    this.#listening = connection;
    try {
      await connection.unsafe(`listen ${channel}`);
    } catch (error) {
      this.#listenAgain(connection);
      throw error;
    }
    // What was notified of before we listened.
    this.wake();
  }

  /** Until it succeeds: each failure comes back here. */
  #listenAgain(broken: Sql): void {
    if (this.#listening !== broken) return;
    this.#listening = undefined;
    broken.end({ timeout: 0 }).catch(() => undefined);
    const { clock, log } = this.#deps;
    clock.after(listenPauseMs, () => {
      if (this.#isClosed) return;
      this.listen().catch((error: unknown) => {
        log.debug("notifications of the datastore can't be had, will retry", { error: errorText(error) });
      });
    });
  }

  wake(): void {
    this.#news++;
    for (const resolve of this.#wakers.splice(0)) resolve();
  }

  follow(from: Revision, follower: Follower): Following {
    this.#followers.add(follower);
    void this.#run(from, follower);
    return {
      stop: () => {
        this.#followers.delete(follower);
        this.wake();
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    const error = new StoreClosedError();
    for (const follower of this.#followers) follower.failed(error);
    this.#followers.clear();
    this.wake();
    const listening = this.#listening;
    this.#listening = undefined;
    listening?.end({ timeout: 0 }).catch(() => undefined);
  }

  async #run(from: Revision, follower: Follower): Promise<void> {
    let next = from;
    while (this.#followers.has(follower)) {
      const news = this.#news;
      const page = await this.#readAtLast(next);
      if (page === undefined || !this.#followers.has(follower)) return;
      if (next < page.compacted) {
        this.#followers.delete(follower);
        follower.failed(new CompactedError(page.compacted));
        return;
      }
      const events = page.rows.map(eventOf);
      const last = events.at(-1);
      if (last !== undefined) {
        next = last.revision + 1n;
        follower.events(events);
      }
      if (events.length < pageMax && this.#news === news) {
        await new Promise<void>((resolve) => {
          this.#wakers.push(resolve);
        });
      }
    }
  }

  /** Undefined when closed. */
  async #readAtLast(from: Revision): Promise<Page | undefined> {
    const { log, clock } = this.#deps;
    while (!this.#isClosed) {
      try {
        return await this.#read(from);
      } catch (error) {
        log.warn("can't follow the datastore, will retry", { error: errorText(error) });
        await new Promise<void>((resolve) => {
          clock.after(retryMs, resolve);
        });
      }
    }
    return undefined;
  }

  /** One statement, one state: rows that compaction has taken are seen together with how far it has come. */
  async #read(from: Revision): Promise<Page> {
    const rows = await this.#deps.pool.query(
      (sql) => sql<(Omit<EventRow, "revision"> & { revision: Revision | null; compacted: Revision })[]>`
      select s.compacted, l.revision, l.name, l.operation, l.previous, l.created, l.version, l.value, l.author,
        p.created as previous_created, p.version as previous_version, p.value as previous_value
      from mini_k8s_state s
      left join (select * from mini_k8s_log where revision >= ${from} order by revision limit ${pageMax}) l on true
      left join mini_k8s_log p on p.revision = l.previous
      order by l.revision`,
    );
    return {
      compacted: rows[0]?.compacted ?? 0n,
      rows: rows.filter((row): row is EventRow & { compacted: Revision } => row.revision !== null),
    };
  }
}
