/**
 * The scale subresource: replicas of an object as an object of its own.
 * upstream: pkg/registry/apps/deployment/storage/storage.go ScaleREST and its siblings
 */
import type { Scale } from "#api/generated/types/autoscaling-v1.ts";
import { invalid } from "#api/meta/field-error.ts";
import { formatSelector, type LabelSelectorSpec } from "#api/meta/labels.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { conflictError, invalidError, modifiedConflict } from "#api/meta/status.ts";
import { readPatch } from "#apiserver/handlers/patch.ts";
import {
  attributesOf,
  judgeStrictFaults,
  optionsObject,
  parseWriteOptions,
  settleName,
  settleNamespace,
  writeContext,
  type WriteDeps,
  type WriteOptions,
} from "#apiserver/handlers/write.ts";
import type { Handler, ResourceCall } from "./endpoint.ts";
import type { SubresourceHandlers } from "./install.ts";

const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" } as const;

interface Scaled extends AnyObject {
  spec?: { replicas?: number; selector?: LabelSelectorSpec | Record<string, string> };
  status?: { replicas?: number };
}

export type SelectorText = (spec: Scaled["spec"]) => string;

/** Selectors of the apps group. */
export const selectorText: SelectorText = (spec) => formatSelector(spec?.selector);

/** Replication controllers select by plain labels. */
export const plainSelectorText: SelectorText = (spec) =>
  formatSelector(
    spec?.selector === undefined ? undefined : { matchLabels: spec.selector as Record<string, string> },
  );

export function scaleHandlers(deps: WriteDeps, textOf: SelectorText): SubresourceHandlers[string] {
  const read: Handler = async ({ info, endpoint }) => {
    const { object } = await endpoint.storage.get(info);
    return { kind: "object", status: 200, object: scaleOf(object, textOf) };
  };
  const change =
    (kind: "UpdateOptions" | "PatchOptions"): Handler =>
    async (request) => {
      const options = parseWriteOptions(request.call.query, kind);
      const make = await (kind === "PatchOptions"
        ? patched(request, deps, options)
        : sent(request, deps, options));
      return write(request, deps, { make, options, kind, textOf });
    };
  return { get: read, update: change("UpdateOptions"), patch: change("PatchOptions") };
}

function scaleOf(object: AnyObject, textOf: SelectorText): Scale & AnyObject {
  const { metadata, spec, status } = object as Scaled;
  const selector = textOf(spec);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name: metadata?.name,
      namespace: metadata?.namespace,
      uid: metadata?.uid,
      resourceVersion: metadata?.resourceVersion,
      creationTimestamp: metadata?.creationTimestamp,
    },
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, ...(selector === "" ? {} : { selector }) },
  };
}

type Make = (current: Scale & AnyObject) => Scale & AnyObject;

async function sent(request: ResourceCall, { semantics }: WriteDeps, options: WriteOptions): Promise<Make> {
  const decoded = await semantics.decode(request.call.body, scaleKind);
  const scale = judgeStrictFaults(decoded, options, request, 400);
  settleName(scale, request);
  settleNamespace(scale, request);
  return () => scale;
}

async function patched(
  request: ResourceCall,
  { semantics }: WriteDeps,
  options: WriteOptions,
): Promise<Make> {
  const patch = await readPatch(request.call.body);
  return (current) => {
    const result = semantics.check(semantics.patch(current, patch, scaleKind), scaleKind);
    const scale = judgeStrictFaults(result, options, request, 422);
    settleName(scale, request);
    return scale;
  };
}

async function write(
  request: ResourceCall,
  deps: WriteDeps,
  work: {
    readonly make: Make;
    readonly options: WriteOptions;
    readonly kind: string;
    readonly textOf: SelectorText;
  },
): ReturnType<Handler> {
  const { info, endpoint } = request;
  const { make, options, textOf } = work;
  const asObject = optionsObject(work.kind, options);
  const context = writeContext(request, deps, { dryRun: options.dryRun, asObject });
  const { object } = await endpoint.storage.update(
    info,
    async (current) => {
      const owner = structuredClone(current) as Scaled;
      const old = scaleOf(owner, textOf);
      const scale = make(old);
      const attributes = {
        ...attributesOf(request, {
          operation: "UPDATE",
          object: scale,
          oldObject: old,
          options: asObject,
          dryRun: options.dryRun,
        }),
        gvk: scaleKind,
      };
      await deps.admission.admit(attributes);
      checkScale(request, scale, old);
      await deps.admission.validate(attributes);
      (owner.spec ??= {}).replicas = scale.spec?.replicas ?? 0;
      return owner;
    },
    { ...context, validate: () => Promise.resolve() },
  );
  return { kind: "object", status: 200, object: scaleOf(object.object, textOf) };
}

function checkScale({ info, endpoint }: ResourceCall, scale: Scale, old: Scale): void {
  const subject = endpoint.storage.subject(info.name);
  const { uid, resourceVersion } = scale.metadata ?? {};
  if (uid !== undefined && uid !== old.metadata?.uid) {
    throw conflictError(
      subject,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata?.uid ?? ""}`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== old.metadata?.resourceVersion) {
    throw modifiedConflict(subject);
  }
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0) {
    throw invalidError({ group: "autoscaling", kind: "Scale", name: info.name }, [
      invalid("spec.replicas", replicas, "must be greater than or equal to 0"),
    ]);
  }
}
