/** DELETE of one object. upstream: apiserver/pkg/endpoints/handlers/delete.go */
import type { AnyObject } from "#api/meta/object.ts";
import { invalid, notSupported, type FieldError } from "#api/meta/field-error.ts";
import { invalidError, type Status } from "#api/meta/status.ts";
import type { Handler, ResourceCall } from "#apiserver/registry/endpoint.ts";
import type { StoredObject } from "#apiserver/registry/stored-object.ts";
import type { DeletionOptions } from "#apiserver/registry/strategy.ts";
import { dryRunFaults, integer, isTrue } from "#apiserver/request/query.ts";
import { attributesOf, writeContext, type WriteDeps } from "./write.ts";

export interface ReadDeletion {
  readonly options: DeletionOptions;
  readonly asObject: AnyObject;
  readonly dryRun: boolean;
}

export const remove =
  (deps: WriteDeps): Handler =>
  async (request) => {
    const { info, endpoint } = request;
    const deletion = await readDeletion(request, deps);
    const { object, isGone } = await deleteOne(request, deps, deletion);
    const returnsObject = !isGone || endpoint.storage.strategy.returnsDeletedObject;
    if (!returnsObject) return { kind: "object", status: 200, object: success(request, object) };
    const isAsync = !isGone && deletion.options.orphanDependents === false && info.resource !== "";
    return { kind: "stored", status: isAsync ? 202 : 200, object, endpoint };
  };

export async function deleteOne(
  request: ResourceCall,
  deps: WriteDeps,
  { options, asObject, dryRun }: ReadDeletion,
): Promise<{ readonly object: StoredObject; readonly isGone: boolean }> {
  const { info, endpoint } = request;
  const id = { namespace: info.namespace, name: info.name };
  const old = await endpoint.storage.get(id);
  await endpoint.prepare([old]);
  await deps.admission.admit(
    attributesOf(request, {
      operation: "DELETE",
      object: undefined,
      oldObject: endpoint.view(old),
      options: asObject,
      dryRun,
    }),
  );
  return endpoint.storage.delete(id, options, writeContext(request, deps, { dryRun, asObject }));
}

function success({ endpoint }: ResourceCall, gone: StoredObject): AnyObject {
  const { group, resource } = endpoint.definition;
  const uid = gone.object.metadata?.uid;
  const status: Status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: {
      name: gone.name,
      ...(group === "" ? {} : { group }),
      kind: resource,
      ...(uid === undefined ? {} : { uid }),
    },
  };
  return { ...status };
}

/** From the body, or from the query when there is none. Throws 422. */
export async function readDeletion({ call }: ResourceCall, { semantics }: WriteDeps): Promise<ReadDeletion> {
  const body = await semantics.decodeOptions(call.body, "DeleteOptions");
  const options = body === undefined ? fromQuery(call.query) : (body as DeletionOptions & AnyObject);
  const dryRun = body === undefined ? call.query.getAll("dryRun") : ((body["dryRun"] ?? []) as string[]);
  const faults = [...faultsOf(options), ...dryRunFaults(dryRun)];
  if (faults.length > 0) {
    throw invalidError({ group: "meta.k8s.io", kind: "DeleteOptions", name: "" }, faults);
  }
  return {
    options,
    dryRun: dryRun.length > 0,
    asObject: { ...options, kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1" },
  };
}

function fromQuery(query: URLSearchParams): DeletionOptions {
  const orphan = query.get("orphanDependents");
  const policy = query.get("propagationPolicy");
  const grace = integer(query, "gracePeriodSeconds");
  const uid = query.get("uid") ?? "";
  const resourceVersion = query.get("resourceVersion") ?? "";
  const preconditions = {
    ...(uid === "" ? {} : { uid }),
    ...(resourceVersion === "" ? {} : { resourceVersion }),
  };
  return {
    ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...(orphan === null ? {} : { orphanDependents: isTrue(orphan) }),
  };
}

function faultsOf({ propagationPolicy, orphanDependents }: DeletionOptions): readonly FieldError[] {
  if (propagationPolicy === undefined) return [];
  if (orphanDependents !== undefined) {
    return [
      invalid(
        "propagationPolicy",
        propagationPolicy,
        "orphanDependents and deletionPropagation cannot be both set",
      ),
    ];
  }
  return ["Foreground", "Background", "Orphan"].includes(propagationPolicy)
    ? []
    : [notSupported("propagationPolicy", propagationPolicy, ["Foreground", "Background", "Orphan", "nil"])];
}
