/** DELETE of a collection: every object that matches, some at a time. */
import { isNotFound } from "#api/meta/status.ts";
import type { Handler } from "#apiserver/registry/endpoint.ts";
import { list as read, type ReadDeps } from "#apiserver/registry/read.ts";
import { parseSelection } from "#apiserver/registry/selection.ts";
import { parseListOptions } from "#apiserver/request/query.ts";
import { deleteOne, readDeletion } from "./delete.ts";
import type { WriteDeps } from "./write.ts";

/** Enough to fill a commit. Ten thousand pods all at once took 390 MiB more than they had. */
const atOnceMax = 64;

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
    const left = page.items.values();
    const work = async (): Promise<void> => {
      for (const { namespace, name } of left) {
        try {
          await deleteOne({ ...request, info: { ...info, namespace, name } }, deps, deletion);
        } catch (error) {
          // Somebody else deleted it in the meantime: what was asked for is so.
          if (!isNotFound(error)) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: atOnceMax }, work));
    return { kind: "list", endpoint, ...page };
  };
