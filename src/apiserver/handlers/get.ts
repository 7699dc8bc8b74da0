/** GET of one object. upstream: apiserver/pkg/endpoints/handlers/get.go */
import type { Handler } from "#apiserver/registry/endpoint.ts";
import type { CacheFeed } from "#apiserver/registry/cache-feed.ts";
import type { Answer, ApiCall } from "#apiserver/request/call.ts";
import { parseResourceVersion } from "#apiserver/request/query.ts";

export const get =
  (deps: { readonly feed: CacheFeed }): Handler =>
  ({ call, info, endpoint }) => {
    const asked = call.query.get("resourceVersion") ?? "";
    const waiting = asked === "" ? deps.feed.fresh(call) : reached(asked, deps.feed, call);
    const found = (): Answer => {
      const object = endpoint.storage.found(info);
      return { kind: "stored", status: 200, object, endpoint };
    };
    return waiting === undefined ? found() : waiting.then(found);
  };

/** "0" takes what is at hand. */
function reached(asked: string, feed: CacheFeed, call: ApiCall): Promise<void> | undefined {
  return asked === "0" ? undefined : feed.reach(parseResourceVersion(asked), call.signal);
}
