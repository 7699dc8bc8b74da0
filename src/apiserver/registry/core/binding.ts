/** Assigning a pod to a node: pods/binding and bindings. upstream: pkg/registry/core/pod/storage/storage.go BindingREST */
import type { Binding, Pod } from "#api/generated/types/core-v1.ts";
import { fieldErrorsText, notSupported, required, type FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { badRequestError, conflictError, failure } from "#api/meta/status.ts";
import {
  attributesOf,
  judgeStrictFaults,
  optionsObject,
  parseWriteOptions,
  settleNamespace,
  writeContext,
} from "#apiserver/handlers/write.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { WriteDeps } from "#apiserver/handlers/write.ts";
import type { Answer } from "#apiserver/request/call.ts";
import type { Handler, ResourceCall } from "../endpoint.ts";
import { bareStrategy } from "../strategy.ts";
import { setPodCondition } from "./pod-condition.ts";
import { createdStatus } from "../success.ts";

export interface BindingDeps extends WriteDeps {
  readonly clock: Clock;
}

const bindingKind = { group: "", version: "v1", kind: "Binding" } as const;

/** The pod is the one in the URL, or the one the binding is named after. */
export const bind =
  (deps: BindingDeps): Handler =>
  async (request): Promise<Answer> => {
    const { call, info } = request;
    const options = parseWriteOptions(call.query, "CreateOptions");
    const decoded = await deps.semantics.decode(call.body, bindingKind);
    const binding = judgeStrictFaults(decoded, options, request) as AnyObject & Binding;
    call.sent?.(binding);
    const metadata = (binding.metadata ??= {});
    // Only as a part of its pod a binding keeps what it demands of it.
    if (info.name === "") delete metadata.uid;
    settleNamespace(binding, request);
    const name = info.name === "" ? (metadata.name ?? "") : info.name;
    if ((metadata.name ?? "") !== name) {
      throw badRequestError("name in URL does not match name in Binding object");
    }
    const asObject = optionsObject("CreateOptions", options);
    const subject = {
      operation: "CREATE",
      object: binding,
      oldObject: undefined,
      options: asObject,
    } as const;
    const { dryRun } = options;
    const attributes = attributesOf(request, { ...subject, dryRun, gvk: bindingKind, name });
    await deps.admission.admit(attributes);
    const faults = faultsOf(binding);
    // Upstream's answer to what it takes for a fault of its own.
    if (faults.length > 0) throw failure({ code: 500, reason: "", message: fieldErrorsText(faults) });
    await deps.admission.validate(attributes);
    await assign(request, deps, { name, binding, dryRun: options.dryRun });
    return createdStatus();
  };

function faultsOf({ target }: Binding): readonly FieldError[] {
  const kind = target.kind ?? "";
  return [
    ...(kind === "" || kind === "Node" ? [] : [notSupported("target.kind", kind, ["Node", "<empty>"])]),
    ...((target.name ?? "") === "" ? [required("target.name", "")] : []),
  ];
}

async function assign(
  request: ResourceCall,
  deps: BindingDeps,
  work: { readonly name: string; readonly binding: Binding; readonly dryRun: boolean },
): Promise<void> {
  const { info, endpoint } = request;
  const { name, binding, dryRun } = work;
  const refuse = (why: string): never => {
    throw conflictError({ group: "", resource: "pods/binding", name }, why);
  };
  const context = writeContext(request, deps, { dryRun, asObject: {}, asksAdmission: false });
  const id = { namespace: info.namespace, name };
  await endpoint.storage.update(
    id,
    (current) => {
      const pod = structuredClone(current) as AnyObject & Pod;
      const { uid = "", resourceVersion = "" } = binding.metadata ?? {};
      endpoint.storage.checkStored(id, pod, {
        ...(uid === "" ? {} : { uid }),
        ...(resourceVersion === "" ? {} : { resourceVersion }),
      });
      checkFree(pod, name, refuse);
      place(pod, binding, toRfc3339(deps.clock.now()));
      return Promise.resolve(pod);
    },
    context,
    bareStrategy,
  );
}

function checkFree(pod: Pod, name: string, refuse: (why: string) => never): void {
  if (pod.metadata?.deletionTimestamp !== undefined) {
    refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  }
  const nodeName = pod.spec?.nodeName ?? "";
  if (nodeName !== "") refuse(`pod ${name} is already assigned to node ${JSON.stringify(nodeName)}`);
  if ((pod.spec?.schedulingGates ?? []).length > 0) {
    refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  }
}

function place(pod: Pod, { target, metadata }: Binding, now: string): void {
  if (pod.spec !== undefined) pod.spec.nodeName = target.name;
  const { annotations, labels } = metadata ?? {};
  const own = (pod.metadata ??= {});
  if (annotations !== undefined) own.annotations = { ...own.annotations, ...annotations };
  if (labels !== undefined) own.labels = { ...own.labels, ...labels };
  const status = (pod.status ??= {});
  // Where it might go is of no interest any more.
  delete status.nominatedNodeName;
  setPodCondition(status, { type: "PodScheduled", status: "True" }, now);
}
