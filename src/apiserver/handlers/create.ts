/** POST to a collection. upstream: apiserver/pkg/endpoints/handlers/create.go */
import type { Handler } from "#apiserver/registry/endpoint.ts";
import {
  attributesOf,
  judgeStrictFaults,
  optionsObject,
  parseWriteOptions,
  settleNamespace,
  stampOf,
  wipeSystemFields,
  writeContext,
  type WriteDeps,
} from "./write.ts";

export const create =
  (deps: WriteDeps): Handler =>
  async (request) => {
    const { call, info, endpoint } = request;
    const options = parseWriteOptions(call.query, "CreateOptions");
    const decoded = await deps.semantics.decode(call.body, endpoint.gvk);
    const object = judgeStrictFaults(decoded, options, request);
    settleNamespace(object, request);
    deps.semantics.applyDefaults(object, endpoint.gvk);
    call.sent?.(object);
    wipeSystemFields(object);
    const asked = endpoint
      .fieldManager(info.subresource)
      .updateAsking(undefined, object, stampOf(request, deps, options));
    if (asked !== undefined) await asked;
    const asObject = optionsObject("CreateOptions", options);
    await deps.admission.admit(
      attributesOf(request, {
        operation: "CREATE",
        object,
        oldObject: undefined,
        options: asObject,
        dryRun: options.dryRun,
      }),
    );
    const stored = await endpoint.storage.create(
      endpoint.toStorage(object),
      writeContext(request, deps, { dryRun: options.dryRun, asObject }),
    );
    return { kind: "stored", status: 201, object: stored, endpoint };
  };
