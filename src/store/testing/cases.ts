/** What the cases of the suite share. */
import type { Entry, EventBatch, Revision, Store, StoreEvent } from "../store.ts";

/** What must hold, and what shows it on a store of its own. */
export type Case = readonly [title: string, run: (store: Store) => Promise<void>];

export function bytes(text: string): Buffer {
  return Buffer.from(text);
}

/** "key=value@mod/created/version": what an entry says, in a form that prints well. */
export function shown(entry: Entry | undefined): string | undefined {
  if (entry === undefined) return undefined;
  const { key, value, createRevision, modRevision, version } = entry;
  return `${key}=${value.toString()}@${modRevision}/${createRevision}/${version}`;
}

export function shownEvent(event: StoreEvent): string {
  const { type, revision, entry, previous } = event;
  return `${revision} ${type} ${shown(entry)} was ${shown(previous) ?? "absent"}`;
}

/** Reads until everything up to `revision` was delivered. */
export async function eventsUpTo(
  watch: AsyncIterable<EventBatch>,
  revision: Revision,
): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  for await (const batch of watch) {
    events.push(...batch.events);
    if (batch.revision >= revision) break;
  }
  return events;
}

export async function put(store: Store, key: string, value: string): Promise<Entry> {
  const { entry } = await store.get(key);
  return entry === undefined
    ? store.create(key, bytes(value))
    : store.update(key, bytes(value), entry.modRevision);
}

/** Writes of every kind on a few keys; returns what the state under /h/ was at each revision. */
export async function history(store: Store): Promise<Map<Revision, (string | undefined)[]>> {
  const states = new Map<Revision, (string | undefined)[]>();
  const note = async (): Promise<void> => {
    states.set(store.revision, (await store.list("/h/")).entries.map(shown));
  };
  await note();
  for (let round = 0; round < 12; round++) {
    for (const key of ["/h/a", "/h/b", "/h/c", "/h/d"]) {
      const isGoing = (round + key.charCodeAt(3)) % 3 === 0;
      const { entry } = await store.get(key);
      if (isGoing && entry !== undefined) await store.delete(key, entry.modRevision);
      else await put(store, key, `${round}`);
      await note();
    }
    await put(store, "/other", `${round}`);
    await note();
  }
  return states;
}

export function neverAborted(): AbortSignal {
  return new AbortController().signal;
}
