/**
 * Reviews: questions put as objects that are never stored.
 * upstream: pkg/registry/authentication, pkg/registry/authorization
 */
import type { SelfSubjectReview, TokenReview } from "#api/generated/types/authentication-v1.ts";
import type {
  LocalSubjectAccessReview,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from "#api/generated/types/authorization-v1.ts";
import { forbidden as forbiddenField, invalid, required, type FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { badRequestError, invalidError } from "#api/meta/status.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { TokenError, type TokenAnswer } from "#apiserver/authn/bearer-token.ts";
import type { Attributes, Authorizer, Decision } from "#apiserver/authz/authorizer.ts";
import { parseWriteOptions } from "#apiserver/handlers/write.ts";
import type { ApiCall } from "#apiserver/request/call.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import type { TypeSemantics } from "#apiserver/request/semantics.ts";
import type { VirtualRoutes } from "./install.ts";

export interface ReviewDeps {
  readonly semantics: TypeSemantics;
  readonly authorizer: Authorizer;
  /** Judges the tokens of TokenReviews. Undefined: nobody knows it. Throws TokenError. */
  readonly tokens: {
    review(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined>;
  };
}

type Answering = (object: AnyObject, call: ApiCall, info: RequestInfo) => Promise<AnyObject>;

/** By "resource.group". */
export function reviewResources(
  deps: ReviewDeps,
): Readonly<Record<string, (definition: ResourceDefinition) => VirtualRoutes>> {
  const review =
    (answer: Answering) =>
    (definition: ResourceDefinition): VirtualRoutes => ({
      create: async (call, info) => {
        const kind = { group: definition.group, version: definition.version, kind: definition.kind };
        const options = parseWriteOptions(call.query, "CreateOptions");
        const { object, strictFaults } = await deps.semantics.decode(call.body, kind);
        if (strictFaults.length > 0 && options.fieldValidation === "Strict") {
          throw badRequestError(
            `${definition.kind} in version ${JSON.stringify(definition.version)} cannot be handled as a ${definition.kind}: strict decoding error: ${strictFaults.join(", ")}`,
          );
        }
        deps.semantics.applyDefaults(object, kind);
        return { kind: "object", status: 201, object: await answer(object, call, info) };
      },
    });
  return {
    "tokenreviews.authentication.k8s.io": review((object) => reviewToken(object, deps)),
    "selfsubjectreviews.authentication.k8s.io": review((object, { user }) =>
      Promise.resolve({
        ...(object as SelfSubjectReview & AnyObject),
        status: { userInfo: userInfoOf(user) },
      }),
    ),
    "selfsubjectaccessreviews.authorization.k8s.io": review((object, { user }) =>
      reviewSelf(object, user, deps.authorizer),
    ),
    "subjectaccessreviews.authorization.k8s.io": review((object) => reviewSubject(object, deps.authorizer)),
    "localsubjectaccessreviews.authorization.k8s.io": review((object, _call, info) =>
      reviewLocal(object, info.namespace, deps.authorizer),
    ),
    "selfsubjectrulesreviews.authorization.k8s.io": review((object, { user }) =>
      reviewRules(object, user, deps.authorizer),
    ),
  };
}

function userInfoOf({ name, uid, groups, extra }: UserInfo): Record<string, unknown> {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups: [...groups],
    ...(extra === undefined ? {} : { extra }),
  };
}

async function reviewToken(object: AnyObject, { tokens }: ReviewDeps): Promise<AnyObject> {
  const review = object as TokenReview & AnyObject;
  const { token = "", audiences = [] } = review.spec;
  if (token === "") throw badRequestError("token is required for TokenReview in authentication");
  try {
    const answer = await tokens.review(token, audiences);
    if (answer === undefined) return { ...review, status: { user: {} } };
    const user = userInfoOf(answer.user);
    return { ...review, status: { authenticated: true, user, audiences: [...answer.audiences] } };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return { ...review, status: { user: {}, error: error.message } };
  }
}

async function reviewSelf(object: AnyObject, user: UserInfo, authorizer: Authorizer): Promise<AnyObject> {
  const review = object as SelfSubjectAccessReview & AnyObject;
  const faults = attributesFaults(review.spec);
  if (faults.length > 0) {
    throw invalidError({ group: "authorization.k8s.io", kind: "SelfSubjectAccessReview", name: "" }, faults);
  }
  return { ...review, status: statusOf(await authorizer.authorize(attributesFrom(user, review.spec))) };
}

async function reviewSubject(object: AnyObject, authorizer: Authorizer): Promise<AnyObject> {
  const review = object as SubjectAccessReview & AnyObject;
  const faults = [...attributesFaults(review.spec), ...subjectFaults(review.spec)];
  if (faults.length > 0) {
    throw invalidError({ group: "authorization.k8s.io", kind: "SubjectAccessReview", name: "" }, faults);
  }
  const attributes = attributesFrom(subjectOf(review.spec), review.spec);
  return { ...review, status: statusOf(await authorizer.authorize(attributes)) };
}

async function reviewLocal(object: AnyObject, namespace: string, authorizer: Authorizer): Promise<AnyObject> {
  const review = object as LocalSubjectAccessReview & AnyObject;
  const faults = [...attributesFaults(review.spec), ...subjectFaults(review.spec)];
  if (review.spec.resourceAttributes?.namespace !== namespace) {
    faults.push(
      invalid(
        "spec.resourceAttributes.namespace",
        review.spec.resourceAttributes?.namespace ?? "",
        "must match metadata.namespace",
      ),
    );
  }
  if (review.spec.nonResourceAttributes !== undefined) {
    faults.push(forbiddenField("spec.nonResourceAttributes", "disallowed on this kind of request"));
  }
  if (faults.length > 0) {
    throw invalidError({ group: "authorization.k8s.io", kind: "LocalSubjectAccessReview", name: "" }, faults);
  }
  const attributes = attributesFrom(subjectOf(review.spec), review.spec);
  const metadata = { ...review.metadata, namespace };
  return { ...review, metadata, status: statusOf(await authorizer.authorize(attributes)) };
}

async function reviewRules(object: AnyObject, user: UserInfo, authorizer: Authorizer): Promise<AnyObject> {
  const review = object as SelfSubjectRulesReview & AnyObject;
  const namespace = review.spec.namespace ?? "";
  if (namespace === "") throw badRequestError("no namespace on request");
  const rules = await authorizer.rulesFor(user, namespace);
  return {
    ...review,
    status: {
      resourceRules: rules.resourceRules,
      nonResourceRules: rules.nonResourceRules,
      incomplete: rules.incomplete,
    },
  };
}

function subjectOf({ user = "", uid, groups = [], extra }: SubjectAccessReviewSpec): UserInfo {
  return {
    name: user,
    groups,
    ...(uid === undefined ? {} : { uid }),
    ...(extra === undefined ? {} : { extra }),
  };
}

interface Asked {
  readonly resourceAttributes?: ResourceAttributes | undefined;
  readonly nonResourceAttributes?:
    | { readonly path?: string | undefined; readonly verb?: string | undefined }
    | undefined;
}

const text = (value: string | undefined): string => value ?? "";

function attributesFrom(user: UserInfo, { resourceAttributes, nonResourceAttributes }: Asked): Attributes {
  const asked = resourceAttributes;
  return {
    user,
    isResourceRequest: asked !== undefined,
    verb: text(asked === undefined ? nonResourceAttributes?.verb : asked.verb),
    path: text(nonResourceAttributes?.path),
    group: text(asked?.group),
    version: text(asked?.version) === "" ? "*" : text(asked?.version),
    resource: text(asked?.resource),
    subresource: text(asked?.subresource),
    namespace: text(asked?.namespace),
    name: text(asked?.name),
  };
}

function attributesFaults({ resourceAttributes, nonResourceAttributes }: Asked): FieldError[] {
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    return [
      invalid(
        "spec.nonResourceAttributes",
        nonResourceAttributes,
        "cannot be specified in combination with resourceAttributes",
      ),
    ];
  }
  if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
    return [
      invalid(
        "spec.resourceAttributes",
        null,
        "exactly one of nonResourceAttributes or resourceAttributes must be specified",
      ),
    ];
  }
  return [];
}

function subjectFaults({ user = "", groups = [] }: SubjectAccessReviewSpec): FieldError[] {
  return user === "" && groups.length === 0
    ? [required("spec.user", "at least one of user or group must be specified")]
    : [];
}

function statusOf({ allowed, denied, reason }: Decision): Record<string, unknown> {
  return { allowed, ...(denied ? { denied } : {}), ...(reason === "" ? {} : { reason }) };
}
