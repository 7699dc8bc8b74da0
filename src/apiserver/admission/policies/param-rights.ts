/**
 * Parameters are read with all powers, so whoever writes a policy or a binding must be able to read them himself. Upstream
 * asks in the strategies of the four kinds; here it is a plugin, for it is the same moment.
 * upstream: pkg/registry/admissionregistration/{validating,mutating}admissionpolicy{,binding}/authz.go
 */
import type {
  ParamKind,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "#api/generated/types/admissionregistration-v1.ts";
import type { MutatingAdmissionPolicy } from "#api/generated/types/admissionregistration-v1beta1.ts";
import { forbidden } from "#api/meta/field-error.ts";
import { isSame } from "#api/meta/field-rules.ts";
import { parseApiVersion, type AnyObject, type KubeObject } from "#api/meta/object.ts";
import { invalidError } from "#api/meta/status.ts";
import { validatingAdmissionPolicies } from "#api/resources.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Attributes, Authorizer } from "#apiserver/authz/authorizer.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import type { ObjectTypes } from "../webhooks/object-types.ts";
import type { MutatingPolicyRefs } from "./mutating-refs.ts";

export interface ParamRightsDeps extends LookupDeps {
  readonly authorizer: Pick<Authorizer, "authorize">;
  readonly types: Pick<ObjectTypes, "resourceOf">;
  /** Undefined: they aren't served. */
  readonly mutatingPolicies?: MutatingPolicyRefs | undefined;
}

interface Policies {
  get(name: string): Promise<ValidatingAdmissionPolicy | MutatingAdmissionPolicy | undefined>;
}

type Asked = Pick<Attributes, "group" | "version" | "resource">;
type Wanted = Asked & Pick<Attributes, "verb" | "namespace" | "name">;

const onObject = "permission on the object referenced by paramRef";
const anything: Asked = { group: "*", version: "*", resource: "*" };

export class ParamRights implements AdmissionPlugin {
  readonly name = "ParamRights";
  readonly resources = ["validating", "mutating"].flatMap((kind) =>
    ["policies", "policybindings"].map((what) => `${kind}admission${what}.admissionregistration.k8s.io`),
  );
  readonly #deps: ParamRightsDeps;
  readonly #validating: Policies;
  readonly #mutating: Policies | undefined;

  constructor(deps: ParamRightsDeps) {
    this.#deps = deps;
    this.#validating = new Lookup(validatingAdmissionPolicies, deps);
    const refs = deps.mutatingPolicies;
    this.#mutating = refs === undefined ? undefined : new Lookup(refs.policies, deps);
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { gvk, object, oldObject, subresource, user, name } = attributes;
    if (object === undefined || subresource !== "" || user.groups.includes("system:masters")) return;
    const isBinding = gvk.kind.endsWith("Binding");
    const fault = isBinding
      ? await this.#faultOfBinding(user, gvk.kind, specOfBinding(object))
      : await this.#faultOfPolicy(user, object, oldObject);
    if (fault === undefined) return;
    const path = isBinding ? "spec.paramRef" : "spec.paramKind";
    throw invalidError({ group: gvk.group, kind: gvk.kind, name }, [forbidden(path, fault)]);
  }

  async #faultOfPolicy(user: UserInfo, policy: AnyObject, old?: AnyObject): Promise<string | undefined> {
    const kind = paramKindOf(policy);
    if (kind === undefined || isSame(kind, paramKindOf(old))) return undefined;
    const { asked } = this.#asked(kind);
    const answer = await this.#may(user, { ...asked, verb: "get", namespace: "*", name: "*" });
    if (answer.isAllowed) return undefined;
    return (
      answer.error ??
      `user ${shownUser(user)} must have "get" permission on all objects of the referenced paramKind (kind=${kind.kind}, apiVersion=${kind.apiVersion})`
    );
  }

  /** Asked on every update, too: upstream compares what is and was said by pointers, which never are the same. */
  async #faultOfBinding(
    user: UserInfo,
    kind: string,
    { paramRef, policyName = "" }: BindingSpec,
  ): Promise<string | undefined> {
    if (paramRef === undefined) return undefined;
    const isMutating = kind === "MutatingAdmissionPolicyBinding";
    const policy = await (isMutating ? this.#mutating : this.#validating)?.get(policyName);
    const paramKind = paramKindOf(policy);
    const { asked, isKnown } = this.#asked(paramKind);
    const { name = "", namespace = "" } = paramRef;
    const verb = name === "" ? "list" : "get";
    const { isAllowed, error } = await this.#may(user, { ...asked, verb, namespace, name });
    if (isAllowed) return undefined;
    // Upstream mixes the two up here.
    if (isMutating) return error ?? `user ${verb} does not have "${shownUser(user)}" ${onObject}`;
    if (error !== undefined) return `failed to authorize request: ${error}`;
    const fault = `user ${shownUser(user)} does not have "${verb}"`;
    if (policy === undefined) return unfit(fault, `get policy ${policyName}`);
    return paramKind === undefined || isKnown
      ? `${fault} ${onObject}`
      : unfit(fault, `resolve paramKind &{${paramKind.apiVersion} ${paramKind.kind}}`);
  }

  /** What isn't known may be anything. */
  #asked(kind: ParamKind | undefined): { readonly asked: Asked; readonly isKnown: boolean } {
    if (kind === undefined) return { asked: anything, isKnown: false };
    const { group, version } = parseApiVersion(kind.apiVersion ?? "");
    const found = this.#deps.types.resourceOf({ group, version, kind: kind.kind ?? "" });
    return { asked: { group, version, resource: found?.resource ?? "*" }, isKnown: found !== undefined };
  }

  async #may(
    user: UserInfo,
    wanted: Wanted,
  ): Promise<{ readonly isAllowed: boolean; readonly error: string | undefined }> {
    const request = { user, isResourceRequest: true, path: "", subresource: "", ...wanted };
    const { allowed, error } = await this.#deps.authorizer.authorize(request);
    return { isAllowed: allowed, error };
  }
}

const paramKindOf = (policy: ValidatingAdmissionPolicy | undefined): ParamKind | undefined =>
  policy?.spec?.paramKind;

/** `unknown`: what couldn't be done to find out what exactly is asked for. */
const unfit = (fault: string, unknown: string): string =>
  `unable to ${unknown} to determine minimum required permissions and ${fault} permission for all groups, versions and resources`;

type BindingSpec = NonNullable<ValidatingAdmissionPolicyBinding["spec"]>;

const specOfBinding = (binding: KubeObject): BindingSpec =>
  (binding as ValidatingAdmissionPolicyBinding).spec ?? {};

/** As Go prints a pointer to what it knows of a user. */
function shownUser({ name, uid = "", groups, extra = {} }: UserInfo): string {
  const more = Object.entries(extra)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, values]) => `${key}:[${values.join(" ")}]`);
  return `&{${name} ${uid} [${groups.join(" ")}] map[${more.join(" ")}]}`;
}
