/** What create, update and patch have in common: options, strict decoding, names, admission. */
import { strictWarnings } from "#api/codec/yaml.ts";
import { forbidden as forbiddenField, notSupported, required } from "#api/meta/field-error.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import { checkFieldManager } from "#api/meta/manager-validation.ts";
import type { AnyObject, GroupVersionKind, GroupVersionResource } from "#api/meta/object.ts";
import { badRequestError, invalidError } from "#api/meta/status.ts";
import type { WriteStamp } from "#api/patch/apply/field-manager.ts";
import type { Admission, AdmissionAttributes, Operation } from "#apiserver/admission/admission.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import { forbidden } from "#apiserver/authz/forbidden.ts";
import type { ResourceCall } from "#apiserver/registry/endpoint.ts";
import type { WriteContext } from "#apiserver/registry/write.ts";
import type { ApiCall } from "#apiserver/request/call.ts";
import { authorizationAttributes } from "#apiserver/request/chain.ts";
import { dryRunFaults, isTrue } from "#apiserver/request/query.ts";
import type { Decoded, TypeSemantics } from "#apiserver/request/semantics.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { managerName } from "./field-manager-name.ts";

export interface WriteDeps {
  readonly semantics: TypeSemantics;
  readonly admission: Admission;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
}

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
}

export interface PatchOptions extends WriteOptions {
  readonly force: boolean;
}

/** `kind`: "CreateOptions", "UpdateOptions", "PatchOptions". Throws 422. */
export function parseWriteOptions(query: URLSearchParams, kind: string): WriteOptions {
  return parseOptions(query, kind, []);
}

/** The same of a patch: an apply needs a manager, and only an apply may be forced. Throws 422. */
export function parsePatchOptions(query: URLSearchParams, isApply: boolean): PatchOptions {
  const force = query.get("force");
  const faults: FieldError[] = [];
  if (!isApply && force !== null) {
    faults.push(forbiddenField("force", "may not be specified for non-apply patch"));
  }
  if (isApply && (query.get("fieldManager") ?? "") === "") {
    faults.push(required("fieldManager", "is required for apply patch"));
  }
  return { ...parseOptions(query, "PatchOptions", faults), force: isTrue(force) };
}

function parseOptions(query: URLSearchParams, kind: string, first: readonly FieldError[]): WriteOptions {
  const dryRun = query.getAll("dryRun");
  const fieldManager = query.get("fieldManager") ?? "";
  const fieldValidation = query.get("fieldValidation") ?? "";
  const faults = [
    ...first,
    ...fieldManagerFaults(fieldManager),
    ...dryRunFaults(dryRun),
    ...(isFieldValidation(fieldValidation)
      ? []
      : [notSupported("fieldValidation", fieldValidation, ["", "Ignore", "Strict", "Warn"])]),
  ];
  if (faults.length > 0) throw invalidError({ group: "meta.k8s.io", kind, name: "" }, faults);
  return {
    dryRun: dryRun.length > 0,
    fieldManager,
    fieldValidation: fieldValidation === "Strict" || fieldValidation === "Ignore" ? fieldValidation : "Warn",
  };
}

function fieldManagerFaults(name: string): readonly FieldError[] {
  const faults = new FaultList();
  checkFieldManager(name, "fieldManager", faults);
  return faults.all;
}

/** Under which name and time the managers of fields note this write. */
export function stampOf(
  { call }: Pick<ResourceCall, "call">,
  { clock }: Pick<WriteDeps, "clock">,
  options: WriteOptions,
): WriteStamp {
  return {
    manager: managerName(options.fieldManager, call.header("user-agent")),
    now: toRfc3339(clock.now()),
  };
}

/** A PUT or PATCH that creates needs the right to create, too. Throws 403. */
export async function authorizeCreation(
  { call, info }: ResourceCall,
  { authorizer }: WriteDeps,
): Promise<void> {
  const attributes = { ...authorizationAttributes(call, info), verb: "create" };
  const decision = await authorizer.authorize(attributes);
  if (!decision.allowed) throw forbidden(attributes, decision.reason);
}

/** Of a resource that may store nothing. */
export interface KindCall extends Pick<ResourceCall, "call" | "info"> {
  readonly endpoint: Pick<ResourceCall["endpoint"], "gvk" | "definition">;
}

const isFieldValidation = (text: string): boolean => ["", "Ignore", "Strict", "Warn"].includes(text);

/** Unknown and duplicate fields: refused with 400, warned of, or ignored, as the client asked. */
export function judgeStrictFaults(
  { object, strictFaults }: Decoded,
  { fieldValidation }: WriteOptions,
  { call, endpoint }: KindCall,
): AnyObject {
  if (strictFaults.length === 0 || fieldValidation === "Ignore") return object;
  if (fieldValidation === "Strict") {
    const { kind, version } = endpoint.gvk;
    const text = `strict decoding error: ${strictFaults.join(", ")}`;
    throw badRequestError(
      `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${text}`,
    );
  }
  for (const text of strictFaults.flatMap(strictWarnings)) call.warn(text);
  return object;
}

interface Place {
  readonly info: { readonly namespace: string };
  readonly endpoint: { readonly definition: { readonly namespaced: boolean } };
}

/** The namespace of the URL goes for the object; two different ones are refused. */
export function settleNamespace(object: AnyObject, { info, endpoint }: Place): void {
  const metadata = (object.metadata ??= {});
  if (!endpoint.definition.namespaced) {
    delete metadata.namespace;
    return;
  }
  const own = metadata.namespace ?? "";
  if (own === "") metadata.namespace = info.namespace;
  else if (own !== info.namespace) {
    throw badRequestError(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
}

/** The name in the URL goes for the object; another one is refused. */
export function settleName(object: AnyObject, { info }: Pick<ResourceCall, "info">): void {
  const { name = "" } = (object.metadata ??= {});
  if (name === "") throw noName(info.name);
  if (name === info.name) return;
  throw badRequestError(`the name of the object (${name}) does not match the name on the URL (${info.name})`);
}

/** `asked`: the one in the URL. */
export const noName = (asked: string): Error =>
  badRequestError(`the name of the object (${asked} based on URL) was undeterminable: name must be provided`);

/** The kind and the name only where they aren't those of what the endpoint serves. */
export type AdmissionSubject = Pick<
  AdmissionAttributes,
  "operation" | "object" | "oldObject" | "options" | "dryRun"
> &
  Partial<Pick<AdmissionAttributes, "gvk" | "name">>;

/** `name` is the object's own where the URL has none. */
export const attributesOf = (request: KindCall, subject: AdmissionSubject): AdmissionAttributes =>
  new RequestAttributes(request, subject);

/** A class, and not to be spread: two are made for each write. */
class RequestAttributes implements AdmissionAttributes {
  readonly operation: Operation;
  readonly gvk: GroupVersionKind;
  readonly gvr: GroupVersionResource;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly urlName: string;
  readonly object: AnyObject | undefined;
  readonly oldObject: AnyObject | undefined;
  readonly options: AnyObject;
  readonly dryRun: boolean;
  readonly user: UserInfo;
  readonly #call: ApiCall;

  constructor({ call, info, endpoint }: KindCall, subject: AdmissionSubject) {
    this.operation = subject.operation;
    this.gvk = subject.gvk ?? endpoint.gvk;
    const { group, version, resource } = endpoint.definition;
    this.gvr = { group, version, resource };
    this.subresource = info.subresource;
    this.namespace = info.namespace;
    const inUrl = info.name === "" ? (subject.object?.metadata?.name ?? "") : info.name;
    this.name = subject.name ?? inUrl;
    this.urlName = info.name;
    this.object = subject.object;
    this.oldObject = subject.oldObject;
    this.options = subject.options;
    this.dryRun = subject.dryRun;
    this.user = call.user;
    this.#call = call;
  }

  /** Made only for who asks: most writes wait for nobody. */
  get signal(): AbortSignal {
    return this.#call.signal;
  }

  warn(text: string): void {
    this.#call.warn(text);
  }

  annotate(key: string, text: string): void {
    this.#call.annotate?.(key, text);
  }

  held(ms: number): void {
    this.#call.held?.(ms);
  }
}

interface ContextOptions {
  readonly dryRun: boolean;
  readonly asObject: AnyObject;
  /** False where admission has been asked already, about something else. */
  readonly asksAdmission?: boolean;
  /** See WriteContext. */
  readonly mayCreate?: boolean;
  readonly uid?: string;
  /** What validating admission is asked about instead of the object. */
  readonly shown?: { readonly gvk: GroupVersionKind; of(object: AnyObject): AnyObject };
}

/** The engine's view of a write. */
export const writeContext = (
  request: ResourceCall,
  { admission }: Pick<WriteDeps, "admission">,
  options: ContextOptions,
): WriteContext => new RequestContext(request, admission, options);

class RequestContext implements WriteContext {
  readonly dryRun: boolean;
  readonly requestVersion: string;
  readonly user: UserInfo;
  readonly impersonator: UserInfo | undefined;
  readonly mayCreate: boolean;
  readonly uid: string;
  readonly #request: ResourceCall;
  readonly #admission: Admission;
  readonly #options: ContextOptions;

  constructor(request: ResourceCall, admission: Admission, options: ContextOptions) {
    const { call, endpoint } = request;
    const { group, version } = endpoint.definition;
    this.dryRun = options.dryRun;
    this.requestVersion = group === "" ? version : `${group}/${version}`;
    this.user = call.user;
    this.impersonator = call.impersonator;
    this.mayCreate = options.mayCreate === true;
    this.uid = options.uid ?? "";
    this.#request = request;
    this.#admission = admission;
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#request.call.signal;
  }

  warn(text: string): void {
    this.#request.call.warn(text);
  }

  /** What was done is told from which of the two there is. */
  validate(object: AnyObject | undefined, old: AnyObject | undefined): Promise<void> {
    const { asObject, dryRun, asksAdmission = true, shown } = this.#options;
    if (!asksAdmission) return Promise.resolve();
    const { endpoint } = this.#request;
    const view = (one: AnyObject): AnyObject => shown?.of(endpoint.viewOf(one)) ?? endpoint.viewOf(one);
    const attributes = attributesOf(this.#request, {
      operation: object === undefined ? "DELETE" : old === undefined ? "CREATE" : "UPDATE",
      object: object === undefined ? undefined : view(object),
      oldObject: old === undefined ? undefined : view(old),
      options: asObject,
      dryRun,
      gvk: shown?.gvk ?? endpoint.gvk,
    });
    return this.#admission.validate(attributes);
  }
}

/** The decoded options as admission sees them. */
export function optionsObject(kind: string, options: WriteOptions): AnyObject {
  return {
    kind,
    apiVersion: "meta.k8s.io/v1",
    ...(options.dryRun ? { dryRun: ["All"] } : {}),
    ...(options.fieldManager === "" ? {} : { fieldManager: options.fieldManager }),
    fieldValidation: options.fieldValidation,
  };
}

/** What only the server says of an object: nobody manages it, and admission isn't shown it. */
export function wipeSystemFields({ metadata }: AnyObject): void {
  for (const field of systemFields) delete metadata?.[field];
}

const systemFields = [
  "uid",
  "creationTimestamp",
  "selfLink",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;
