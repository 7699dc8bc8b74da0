/**
 * The scale subresource: replicas of an object as an object of its own.
 * upstream: pkg/registry/apps/deployment/storage/storage.go ScaleREST and its siblings
 */
import type { Scale } from "#api/generated/types/autoscaling-v1.ts";
import { FieldManager } from "#api/patch/apply/field-manager.ts";
import { setOfPaths } from "#api/patch/apply/field-tree.ts";
import { encodeManagers } from "#api/patch/apply/managed-set.ts";
import { ManagersReader } from "#api/patch/apply/managers-reader.ts";
import { fieldKey } from "#api/patch/apply/path-element.ts";
import { parentManagers, scaleApiVersion, scaleManagers } from "#api/patch/apply/scale-managers.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { formatSelector, type LabelSelectorSpec } from "#api/meta/labels.ts";
import { dnsSubdomainFaults } from "#api/meta/names.ts";
import { apiVersionOf, type AnyObject } from "#api/meta/object.ts";
import { checkMeta } from "#api/meta/object-meta-validation.ts";
import { badRequestError, conflictError, internalError, invalidError } from "#api/meta/status.ts";
import { judgeApplied, readApplied } from "#apiserver/handlers/apply.ts";
import { judgePatched, readPatch } from "#apiserver/handlers/patch-body.ts";
import { mediaTypeOf } from "#apiserver/request/media-type.ts";
import { applyMediaType } from "#apiserver/request/semantics.ts";
import {
  attributesOf,
  judgeStrictFaults,
  optionsObject,
  parsePatchOptions,
  parseWriteOptions,
  settleName,
  settleNamespace,
  stampOf,
  writeContext,
  type PatchOptions,
  type WriteDeps,
  type WriteOptions,
} from "#apiserver/handlers/write.ts";
import type { Answer } from "#apiserver/request/call.ts";
import type { Handler, ResourceCall } from "./endpoint.ts";
import type { SubresourceHandlers } from "./install.ts";

const replicasPath = ["spec", "replicas"];
const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" } as const;

interface Scaled extends AnyObject {
  spec?: { replicas?: number; selector?: LabelSelectorSpec | Record<string, string> };
  status?: { replicas?: number };
}

export interface ScaleCounts {
  /** Undefined when the object doesn't say. */
  readonly wanted: number | undefined;
  readonly actual: number;
  /** "" for none. */
  readonly selector: string;
}

/** Where a kind keeps its scale. */
export interface ScaleForm {
  /** Where the wanted number lies. */
  readonly path: readonly string[];
  /** What is said of an object that doesn't say how many are wanted; undefined when that is none. */
  readonly pathText?: string;
  read(object: AnyObject): ScaleCounts;
  /** Changes `object`. */
  write(object: AnyObject, replicas: number): void;
}

type SelectorText = (spec: Scaled["spec"]) => string;

const usual = (textOf: SelectorText): ScaleForm => ({
  path: replicasPath,
  read: ({ spec, status }: Scaled) => ({
    wanted: spec?.replicas ?? 0,
    actual: status?.replicas ?? 0,
    selector: textOf(spec),
  }),
  write: (object: Scaled, replicas) => {
    (object.spec ??= {}).replicas = replicas;
  },
});

/** Selectors of the apps group. */
export const usualScale = usual((spec) => formatSelector(spec?.selector));

/** Replication controllers select by plain labels. */
export const plainSelectorScale = usual((spec) =>
  formatSelector(
    spec?.selector === undefined ? undefined : { matchLabels: spec.selector as Record<string, string> },
  ),
);

interface ScaleDeps extends WriteDeps {
  readonly fields: FieldManager;
  readonly reader: ManagersReader;
  readonly form: ScaleForm;
}

export function scaleHandlers(deps: WriteDeps, form: ScaleForm): SubresourceHandlers[string] {
  const read: Handler = async ({ info, endpoint }) => {
    const stored = await endpoint.storage.get(info);
    await endpoint.prepare([stored]);
    const object = endpoint.view(stored);
    if (form.read(object).wanted === undefined) {
      throw internalError(`the spec replicas field ${JSON.stringify(form.pathText)} does not exist`);
    }
    return { kind: "object", status: 200, object: scaleOf(object, form) };
  };
  let made: ScaleDeps | undefined;
  const own = (): ScaleDeps => (made ??= scaleDeps(deps, form));
  const update: Handler = async (request) => {
    const options = parseWriteOptions(request.call.query, "UpdateOptions");
    const { uid, make } = await sent(request, own(), options);
    return write(request, own(), { make, options, kind: "UpdateOptions", uid });
  };
  const patch: Handler = async (request) => {
    const isApply = mediaTypeOf(request.call.body.contentType) === applyMediaType;
    const options = parsePatchOptions(request.call.query, isApply);
    const make = await (isApply ? applied : patched)(request, own(), options);
    return write(request, own(), { make, options, kind: "PatchOptions" });
  };
  return { get: read, update, patch };
}

/** Scales have managers of their own, taken from the object's and given back to it. */
function scaleDeps(deps: WriteDeps, form: ScaleForm): ScaleDeps {
  const reader = new ManagersReader();
  const type = deps.semantics.applyType(scaleKind);
  const fields = new FieldManager(
    {
      gvk: scaleKind,
      subresource: "scale",
      ignored: { reset: setOfPaths([[fieldKey("status")]]) },
      versions: {
        typeOf: (apiVersion) => (apiVersion === scaleApiVersion ? type : undefined),
        convert: (scale) => scale,
      },
    },
    reader,
  );
  return { ...deps, fields, reader, form };
}

function scaleOf(object: AnyObject, form: ScaleForm): Scale & AnyObject {
  const { metadata } = object;
  const { wanted, actual, selector } = form.read(object);
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
    spec: { replicas: wanted ?? 0 },
    status: { replicas: actual, ...(selector === "" ? {} : { selector }) },
  };
}

type Make = (current: Scale & AnyObject) => Scale & AnyObject;

async function sent(
  request: ResourceCall,
  deps: ScaleDeps,
  options: WriteOptions,
): Promise<{ readonly uid: string; readonly make: Make }> {
  const decoded = await deps.semantics.decode(request.call.body, scaleKind);
  const scale = judgeStrictFaults(decoded, options, request);
  request.call.sent?.(scale);
  settleNamespace(scale, request);
  settleName(scale, request);
  const make: Make = (current) => {
    const next = structuredClone(scale);
    deps.fields.update(current, next, stampOf(request, deps, options));
    return next;
  };
  return { uid: scale.metadata?.uid ?? "", make };
}

async function patched(request: ResourceCall, deps: ScaleDeps, options: WriteOptions): Promise<Make> {
  const { semantics } = deps;
  const patch = await readPatch(request.call.body, request.endpoint.isCustom, options);
  return (current) => {
    const result = semantics.patch(current, patch, scaleKind);
    const { call } = request;
    const judge = { semantics, gvk: scaleKind, old: current, call, options, isCustom: false };
    const scale = judgePatched(result, patch, judge);
    settleNamespace(scale, request);
    settleName(scale, request);
    deps.fields.update(current, scale, stampOf(request, deps, options));
    return scale;
  };
}

async function applied(request: ResourceCall, deps: ScaleDeps, options: PatchOptions): Promise<Make> {
  const body = await readApplied(request.call.body);
  return (current) => {
    const stamp = { ...stampOf(request, deps, options), force: options.force };
    const merged = deps.fields.apply(current, body.config, stamp);
    judgeApplied(request, body, options);
    const { object } = deps.semantics.check(merged, scaleKind);
    settleNamespace(object, request);
    settleName(object, request);
    return object;
  };
}

/** Who manages what of the object whose replicas were set through its scale. */
function noteManagers(
  { endpoint }: ResourceCall,
  { form, reader }: ScaleDeps,
  owner: AnyObject,
  scale: AnyObject,
): void {
  const parent = { apiVersion: apiVersionOf(endpoint.gvk), replicas: form.path.map(fieldKey) };
  const managers = reader.storedOrNone(owner.metadata?.managedFields);
  const own = reader.storedOrNone(scale.metadata?.managedFields);
  const entries = encodeManagers(parentManagers(managers, own, parent));
  const metadata = (owner.metadata ??= {});
  if (entries === undefined) delete metadata.managedFields;
  else metadata.managedFields = entries;
}

async function write(
  request: ResourceCall,
  deps: ScaleDeps,
  work: {
    readonly make: Make;
    readonly options: WriteOptions;
    readonly kind: string;
    /** That the object must have; "" for any. */
    readonly uid?: string;
  },
): Promise<Answer> {
  const { info, endpoint } = request;
  const { make, options, uid = "" } = work;
  const { form, reader } = deps;
  const asObject = optionsObject(work.kind, options);
  const shown = { gvk: scaleKind, of: (object: AnyObject) => scaleOf(object, form) };
  const context = writeContext(request, deps, { dryRun: options.dryRun, asObject, uid, shown });
  const { object } = await endpoint.storage.update(
    info,
    async (current) => {
      const owner = structuredClone<AnyObject>(current ?? {});
      const old = scaleOf(owner, form);
      if (form.read(owner).wanted === undefined) old.spec = { replicas: unknownCount };
      const parent = { apiVersion: apiVersionOf(endpoint.gvk), replicas: form.path.map(fieldKey) };
      const managers = scaleManagers(reader.storedOrNone(current?.metadata?.managedFields), parent);
      const scale = make({ ...old, metadata: { ...old.metadata, managedFields: encodeManagers(managers) } });
      await deps.admission.admit(
        attributesOf(request, {
          operation: "UPDATE",
          object: scale,
          oldObject: old,
          options: asObject,
          dryRun: options.dryRun,
          gvk: scaleKind,
        }),
      );
      if (!endpoint.isCustom) checkScale(request, scale, old);
      const { replicas = 0 } = scale.spec ?? {};
      if (replicas === unknownCount) {
        throw badRequestError(`the spec replicas field ${JSON.stringify(form.pathText)} cannot be empty`);
      }
      form.write(owner, replicas);
      noteRevision(owner, scale);
      noteManagers(request, deps, owner, scale);
      return owner;
    },
    context,
  );
  await endpoint.prepare([object]);
  return { kind: "object", status: 200, object: scaleOf(endpoint.view(object), form) };
}

/** Stands for what the object doesn't say, so that a patch which leaves it is found out. upstream: the least int32 */
const unknownCount = -(2 ** 31);

/** The scale's revision is what the object is asked to be at. */
function noteRevision(owner: AnyObject, { metadata }: Scale): void {
  const { resourceVersion = "" } = metadata ?? {};
  if (resourceVersion !== "") owner.metadata = { ...owner.metadata, resourceVersion };
}

/** Throws 422 and 409. Custom resources have rules of their own. */
function checkScale({ info, endpoint }: ResourceCall, scale: Scale & AnyObject, old: Scale): void {
  const { replicas = 0 } = scale.spec ?? {};
  const faults = new FaultList();
  checkMeta(scale.metadata, { namespaced: true, nameFaults: dnsSubdomainFaults }, faults);
  if (replicas < 0) faults.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
  if (faults.all.length > 0) {
    throw invalidError({ group: "autoscaling", kind: "Scale", name: info.name }, faults.all);
  }
  const { uid = "" } = scale.metadata ?? {};
  const { uid: own = "" } = old.metadata ?? {};
  if (uid === "" || uid === own) return;
  const subject = endpoint.storage.subject(info.name);
  throw conflictError(
    { ...subject, resource: `${subject.resource}/scale` },
    `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${own}`,
  );
}
