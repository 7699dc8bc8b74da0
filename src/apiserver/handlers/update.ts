/** PUT of an object or of its status. upstream: apiserver/pkg/endpoints/handlers/update.go */
import type { AnyObject } from "#api/meta/object.ts";
import type { Handler } from "#apiserver/registry/endpoint.ts";
import type { Strategy } from "#apiserver/registry/strategy.ts";
import {
  attributesOf,
  judgeStrictFaults,
  optionsObject,
  parseWriteOptions,
  settleName,
  settleNamespace,
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
    const sent = judgeStrictFaults(decoded, options, request, 400);
    settleName(sent, request);
    settleNamespace(sent, request);
    deps.semantics.applyDefaults(sent, endpoint.gvk);
    const asObject = optionsObject("UpdateOptions", options);
    const change = async (current: AnyObject | undefined): Promise<AnyObject> => {
      // Each try starts from what the client sent: admission and the strategy change the copy.
      const object = structuredClone(sent);
      await deps.admission.admit(
        attributesOf(request, {
          operation: current === undefined ? "CREATE" : "UPDATE",
          object,
          oldObject: current === undefined ? undefined : endpoint.viewOf(current),
          options: asObject,
          dryRun: options.dryRun,
        }),
      );
      return endpoint.toStorage(object);
    };
    const { object, isCreated } = await endpoint.storage.update(
      { namespace: info.namespace, name: info.name },
      change,
      writeContext(request, deps, { dryRun: options.dryRun, asObject }),
      strategy,
    );
    return { kind: "stored", status: isCreated ? 201 : 200, object, endpoint };
  };
