/** PATCH with application/apply-patch+yaml: server-side apply. upstream: apiserver/pkg/endpoints/handlers/patch.go (applyPatcher) */
import { DecodeError } from "#api/codec/decode-error.ts";
import { readYaml, strictWarnings } from "#api/codec/yaml.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { badRequestError, conflictError } from "#api/meta/status.ts";
import type { Answer } from "#apiserver/request/call.ts";
import type { ResourceCall } from "#apiserver/registry/endpoint.ts";
import type { Strategy } from "#apiserver/registry/strategy.ts";
import type { RequestBody } from "#apiserver/request/call.ts";
import {
  attributesOf,
  authorizeCreation,
  optionsObject,
  parsePatchOptions,
  settleName,
  settleNamespace,
  stampOf,
  writeContext,
  type PatchOptions,
  type WriteDeps,
} from "./write.ts";

/** The configuration as it was written, and what strict decoding says of it. */
export interface AppliedBody {
  readonly config: AnyObject;
  readonly strictFaults: readonly string[];
}

export async function apply(request: ResourceCall, deps: WriteDeps, strategy?: Strategy): Promise<Answer> {
  const { call, info, endpoint } = request;
  const options = parsePatchOptions(call.query, true);
  const body = await readApplied(call.body);
  const context = writeContext(request, deps, {
    dryRun: options.dryRun,
    asObject: optionsObject("PatchOptions", options),
    // A status can't be applied to what isn't there.
    mayCreate: info.subresource === "",
  });
  const { object, isCreated } = await endpoint.storage.update(
    { namespace: info.namespace, name: info.name },
    (current) => applied(request, deps, { current, body, options }),
    context,
    strategy,
  );
  return { kind: "stored", status: isCreated ? 201 : 200, object, endpoint };
}

interface ApplyWork {
  readonly current: AnyObject | undefined;
  readonly body: AppliedBody;
  readonly options: PatchOptions;
}

async function applied(
  request: ResourceCall,
  deps: WriteDeps,
  { current, body, options }: ApplyWork,
): Promise<AnyObject> {
  const { endpoint, info } = request;
  const old = current === undefined ? undefined : endpoint.viewOf(current);
  const stamp = { ...stampOf(request, deps, options), force: options.force };
  const merged = await endpoint.fieldManager(info.subresource).applyAsking(old, body.config, stamp);
  judgeApplied(request, body, options);
  const { object } = deps.semantics.checkApplied(merged, endpoint.gvk, old);
  const uid = object.metadata?.uid ?? "";
  if (old === undefined && uid !== "") {
    throw conflictError(
      endpoint.storage.subject(info.name),
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    );
  }
  settleNamespace(object, request);
  settleName(object, request);
  deps.semantics.applyDefaults(object, endpoint.gvk);
  if (old === undefined) await authorizeCreation(request, deps);
  await deps.admission.admit(
    attributesOf(request, {
      operation: old === undefined ? "CREATE" : "UPDATE",
      object,
      oldObject: old,
      options: optionsObject(old === undefined ? "CreateOptions" : "UpdateOptions", options),
      dryRun: options.dryRun,
    }),
  );
  return endpoint.toStorage(object);
}

/** What sigs.k8s.io/yaml says before what goyaml does. */
const conversionText = "error converting YAML to JSON";

/** Fields given twice; unknown ones the type refuses whatever the client asked for. */
export function judgeApplied(
  { call }: ResourceCall,
  { strictFaults }: AppliedBody,
  { fieldValidation }: PatchOptions,
): void {
  if (strictFaults.length === 0 || fieldValidation === "Ignore") return;
  if (fieldValidation === "Strict") {
    throw badRequestError(`error strict decoding YAML: ${conversionText}: ${strictFaults.join(", ")}`);
  }
  for (const text of strictFaults.flatMap(strictWarnings)) call.warn(text);
}

/** YAML or JSON. Throws 400. */
export async function readApplied(body: RequestBody): Promise<AppliedBody> {
  if (body.value !== undefined) return { config: asObject(body.value), strictFaults: [] };
  const bytes = await body.bytes();
  try {
    const { value, strictFaults } = readYaml(bytes);
    return { config: asObject(value), strictFaults };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw badRequestError(`error decoding YAML: ${conversionText}: ${error.message}`, { cause: error });
  }
}

function asObject(value: unknown): AnyObject {
  if (value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as AnyObject;
  const kind = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  throw badRequestError(
    `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`,
  );
}
