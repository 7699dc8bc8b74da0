/** DELETE of a collection: every object that matches, one by one. */
import { isNotFound } from "#api/meta/status.ts";
import type { Handler } from "#apiserver/registry/endpoint.ts";
import { list as read, type ReadDeps } from "#apiserver/registry/read.ts";
import { parseSelection } from "#apiserver/registry/selection.ts";
import { parseListOptions } from "#apiserver/request/query.ts";
import { deleteOne, readDeletion } from "./delete.ts";
import type { WriteDeps } from "./write.ts";

export const removeCollection =
  (deps: WriteDeps & ReadDeps): Handler =>
  async (request) => {
    const { call, info, endpoint } = request;
    const deletion = await readDeletion(request, deps);
    const options = parseListOptions(call.query, false);
    const selection = parseSelection(endpoint, options);
    const page = await read(
      endpoint.storage.cache,
      { namespace: info.namespace, selection, options, waiter: call },
      deps,
    );
    await Promise.all(
      page.items.map(async ({ namespace, name }) => {
        try {
          await deleteOne({ ...request, info: { ...info, namespace, name } }, deps, deletion);
        } catch (error) {
          // Somebody else deleted it in the meantime: what was asked for is so.
          if (!isNotFound(error)) throw error;
        }
      }),
    );
    return { kind: "list", endpoint, ...page };
  };
