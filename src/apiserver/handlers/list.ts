/** GET of a collection. upstream: apiserver/pkg/endpoints/handlers/get.go */
import type { Handler } from "#apiserver/registry/endpoint.ts";
import { list as read, type ReadDeps } from "#apiserver/registry/read.ts";
import { parseSelection } from "#apiserver/registry/selection.ts";
import { parseListOptions } from "#apiserver/request/query.ts";

export const list =
  (deps: ReadDeps): Handler =>
  async ({ call, info, endpoint }) => {
    const options = parseListOptions(call.query, false);
    const selection = parseSelection(endpoint, options);
    const { namespace } = info;
    const page = await read(endpoint.storage.cache, { namespace, selection, options, waiter: call }, deps);
    return { kind: "list", endpoint, ...page };
  };
