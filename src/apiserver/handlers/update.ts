/** PUT of an object or of its status. upstream: apiserver/pkg/endpoints/handlers/update.go */
import type { AnyObject } from "#api/meta/object.ts";
import { copyJson } from "#api/patch/json-value.ts";
import type { Handler } from "#apiserver/registry/endpoint.ts";
import type { Strategy } from "#apiserver/registry/strategy.ts";
import {
  attributesOf,
  authorizeCreation,
  judgeStrictFaults,
  optionsObject,
  parseWriteOptions,
  settleName,
  settleNamespace,
  stampOf,
  writeContext,
  type WriteDeps,
} from "./write.ts";

/** `strategy` differs from the resource's own for subresources such as /status. */
export const update =
  (deps: WriteDeps, strategy?: Strategy): Handler =>
  async (request) => {
    const { call, info, endpoint } = request;
    const options = parseWriteOptions(call.query, "UpdateOptions");
    const decoded = await deps.semantics.decode(call.body, endpoint.gvk);
    const sent = judgeStrictFaults(decoded, options, request);
    settleNamespace(sent, request);
    settleName(sent, request);
    deps.semantics.applyDefaults(sent, endpoint.gvk);
    call.sent?.(sent);
    const asObject = optionsObject("UpdateOptions", options);
    const change = async (current: AnyObject | undefined): Promise<AnyObject> => {
      if (current === undefined) await authorizeCreation(request, deps);
      const object = copyOf(sent);
      const old = current === undefined ? undefined : endpoint.viewOf(current);
      const asked = endpoint
        .fieldManager(info.subresource)
        .updateAsking(old, object, stampOf(request, deps, options));
      if (asked !== undefined) await asked;
      await deps.admission.admit(
        attributesOf(request, {
          operation: old === undefined ? "CREATE" : "UPDATE",
          object,
          oldObject: old,
          options: asObject,
          dryRun: options.dryRun,
        }),
      );
      return endpoint.toStorage(object);
    };
    const { object, isCreated } = await endpoint.storage.update(
      { namespace: info.namespace, name: info.name },
      change,
      writeContext(request, deps, { dryRun: options.dryRun, asObject, uid: sent.metadata?.uid ?? "" }),
      strategy,
    );
    return { kind: "stored", status: isCreated ? 201 : 200, object, endpoint };
  };

/** Each try starts from what the client sent: admission and the strategy change the copy. Managed fields nobody changes. */
function copyOf({ metadata, ...rest }: AnyObject): AnyObject {
  const { managedFields, ...own } = metadata ?? {};
  const copy = copyJson({ kind: rest.kind, apiVersion: rest.apiVersion, metadata: own, ...rest });
  return managedFields === undefined ? copy : { ...copy, metadata: { ...copy.metadata, managedFields } };
}
