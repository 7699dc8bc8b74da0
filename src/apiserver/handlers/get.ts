/** GET of one object. upstream: apiserver/pkg/endpoints/handlers/get.go */
import type { Handler } from "#apiserver/registry/endpoint.ts";
import type { CacheCounts } from "#apiserver/registry/cache-counts.ts";
import type { CacheFeed } from "#apiserver/registry/cache-feed.ts";
import type { Answer, ApiCall } from "#apiserver/request/call.ts";
import { parseResourceVersion } from "#apiserver/request/query.ts";

export const get =
  (deps: { readonly feed: CacheFeed }): Handler =>
  ({ call, info, endpoint }) => {
    const asked = call.query.get("resourceVersion") ?? "";
    const waiting =
      asked === ""
        ? deps.feed.fresh(call)
        : reached(asked, { feed: deps.feed, counts: endpoint.storage.cache.counts }, call);
    const found = (): Answer => {
      const object = endpoint.storage.found(info);
      return { kind: "stored", status: 200, object, endpoint };
    };
    return waiting === undefined ? found() : waiting.then(found);
  };

/** "0" takes what is at hand. */
function reached(
  asked: string,
  { feed, counts }: { readonly feed: CacheFeed; readonly counts: CacheCounts },
  call: ApiCall,
): Promise<void> | undefined {
  if (asked === "0") return undefined;
  return feed.timed(feed.reach(parseResourceVersion(asked), call.signal), counts);
}
