/** GET of a collection with watch=true. upstream: apiserver/pkg/endpoints/handlers/watch.go, storage/cacher */
import { badRequestError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { CacheCounts } from "#apiserver/registry/cache-counts.ts";
import type { Endpoint, Handler } from "#apiserver/registry/endpoint.ts";
import type { ReadDeps } from "#apiserver/registry/read.ts";
import type { Interest } from "#apiserver/registry/listeners.ts";
import { parseSelection, type Selection } from "#apiserver/registry/selection.ts";
import { openWatch } from "#apiserver/registry/watcher.ts";
import type { ApiCall } from "#apiserver/request/call.ts";
import { parseListOptions, parseResourceVersion, type ListOptions } from "#apiserver/request/query.ts";

export interface WatchDeps extends ReadDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly onBookmark: (run: () => void) => () => void;
  /** A watch without timeoutSeconds ends after one to two times this, so that watches don't end all at once. */
  readonly minRequestTimeoutMs: number;
}

/** Ours alone: end the watch at this revision, instead of waiting for what comes after it. */
const untilParameter = "mini-k8s.untilRevision";

async function reachEnd(
  text: string | null,
  { feed }: ReadDeps,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  if (text === null) return undefined;
  const until = parseResourceVersion(text);
  await feed.reach(until, signal);
  return until;
}

export const watch =
  (deps: WatchDeps): Handler =>
  async ({ call, info, endpoint }) => {
    const options = parseListOptions(call.query, true);
    const selection = selectionOf(endpoint, options, info.name);
    const { cache } = endpoint.storage;
    const begin = await reachStart(options, { feed: deps.feed, counts: cache.counts }, call);
    cache.unreadable.assertNone(deps.clock.monotonic());
    const timeoutMs =
      options.timeoutSeconds !== undefined && options.timeoutSeconds > 0
        ? options.timeoutSeconds * 1000
        : deps.minRequestTimeoutMs * (1 + deps.random.next());
    const items = openWatch(
      {
        ...begin,
        namespace: info.namespace,
        matches: selection.matches,
        prepare: selection.prepare,
        interest: interestOf(endpoint, selection),
        bookmarks: options.allowWatchBookmarks,
        until: await reachEnd(call.query.get(untilParameter), deps, call.signal),
        timeoutMs,
        signal: call.signal,
      },
      { cache, ...deps },
    );
    return { kind: "watch", endpoint, items };
  };

/** A name in the path goes for a selector of that name. Throws 400 for another one. */
function selectionOf(endpoint: Endpoint, options: ListOptions, name: string): Selection {
  if (name === "" || options.fieldSelector !== "") {
    const selection = parseSelection(endpoint, options);
    if (name === "" || selection.name === name) return selection;
    throw badRequestError("fieldSelector metadata.name doesn't match requested name");
  }
  const fieldSelector = `metadata.name=${name.replace(/[\\,=]/g, "\\$&")}`;
  return parseSelection(endpoint, { ...options, fieldSelector });
}

function interestOf({ definition }: Endpoint, { name, nodeName }: Selection): Interest {
  const isOfPods = definition.group === "" && definition.resource === "pods";
  return { name, nodeName: isOfPods ? nodeName : undefined };
}

interface Begin {
  readonly withState: boolean;
  readonly revision: bigint;
  readonly markEnd: boolean;
}

interface Reaching {
  readonly feed: ReadDeps["feed"];
  readonly counts: CacheCounts;
}

/** Where the watch begins, after waiting for a state that is new enough. */
async function reachStart(options: ListOptions, { feed, counts }: Reaching, call: ApiCall): Promise<Begin> {
  const asked = parseResourceVersion(options.resourceVersion);
  if (options.resourceVersion === "") await feed.fresh(call);
  else if (asked > 0n) await feed.timed(feed.reach(asked, call.signal), counts);
  const { sendInitialEvents } = options;
  if (sendInitialEvents === true) {
    return { withState: true, revision: feed.revision, markEnd: options.allowWatchBookmarks };
  }
  if (asked > 0n) return { withState: false, revision: asked, markEnd: false };
  return { withState: sendInitialEvents === undefined, revision: feed.revision, markEnd: false };
}
