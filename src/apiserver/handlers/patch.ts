/** PATCH: JSON patch, merge patch, strategic merge patch; apply.ts has the fourth kind. upstream: apiserver/pkg/endpoints/handlers/patch.go */
import type { AnyObject } from "#api/meta/object.ts";
import { notFoundError } from "#api/meta/status.ts";
import type { Handler, ResourceCall } from "#apiserver/registry/endpoint.ts";
import type { Strategy } from "#apiserver/registry/strategy.ts";
import { mediaTypeOf } from "#apiserver/request/media-type.ts";
import { applyMediaType } from "#apiserver/request/semantics.ts";
import { apply } from "./apply.ts";
import { judgePatched, readPatch, type PatchBody } from "./patch-body.ts";
import {
  attributesOf,
  optionsObject,
  parsePatchOptions,
  settleName,
  settleNamespace,
  stampOf,
  writeContext,
  type WriteDeps,
  type WriteOptions,
} from "./write.ts";

export const patch =
  (deps: WriteDeps, strategy?: Strategy): Handler =>
  async (request) => {
    const { call, info, endpoint } = request;
    if (mediaTypeOf(call.body.contentType) === applyMediaType) return apply(request, deps, strategy);
    const options = parsePatchOptions(call.query, false);
    const change = await readPatch(call.body, endpoint.isCustom, options);
    const { object } = await endpoint.storage.update(
      idOf(request),
      async (current) => {
        if (current === undefined) throw notFoundError(endpoint.storage.subject(info.name));
        return endpoint.toStorage(await patched(request, deps, { current, patch: change, options }));
      },
      writeContext(request, deps, {
        dryRun: options.dryRun,
        asObject: optionsObject("PatchOptions", options),
      }),
      strategy,
    );
    return { kind: "stored", status: 200, object, endpoint };
  };

const idOf = ({ info }: ResourceCall): { readonly namespace: string; readonly name: string } => ({
  namespace: info.namespace,
  name: info.name,
});

async function patched(
  request: ResourceCall,
  deps: WriteDeps,
  work: { readonly current: AnyObject; readonly patch: PatchBody; readonly options: WriteOptions },
): Promise<AnyObject> {
  const { endpoint, info } = request;
  const old = endpoint.viewOf(work.current);
  const result = deps.semantics.patch(old, work.patch, endpoint.gvk);
  const { semantics } = deps;
  const { gvk, isCustom } = endpoint;
  const judge = { semantics, gvk, old, call: request.call, options: work.options, isCustom };
  const object = judgePatched(result, work.patch, judge);
  settleNamespace(object, request);
  settleName(object, request);
  deps.semantics.applyDefaults(object, endpoint.gvk);
  const asked = endpoint
    .fieldManager(info.subresource)
    .updateAsking(old, object, stampOf(request, deps, work.options));
  if (asked !== undefined) await asked;
  await deps.admission.admit(
    attributesOf(request, {
      operation: "UPDATE",
      object,
      oldObject: old,
      options: optionsObject("UpdateOptions", work.options),
      dryRun: work.options.dryRun,
    }),
  );
  return object;
}
