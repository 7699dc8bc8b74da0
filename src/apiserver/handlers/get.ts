/** GET of one object. upstream: apiserver/pkg/endpoints/handlers/get.go */
import type { Handler } from "#apiserver/registry/endpoint.ts";
import type { CacheFeed } from "#apiserver/registry/cache-feed.ts";
import { parseResourceVersion } from "#apiserver/request/query.ts";

export const get =
  (deps: { readonly feed: CacheFeed }): Handler =>
  async ({ call, info, endpoint }) => {
    const asked = call.query.get("resourceVersion") ?? "";
    if (asked !== "" && asked !== "0") await deps.feed.reach(parseResourceVersion(asked), call.signal);
    const object = await endpoint.storage.get(info, asked !== "");
    return { kind: "stored", status: 200, object, endpoint };
  };
