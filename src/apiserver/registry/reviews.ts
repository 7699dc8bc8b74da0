/**
 * Reviews: questions put as objects that are never stored.
 * upstream: pkg/registry/authentication, pkg/registry/authorization
 */
import type { TokenReview } from "#api/generated/types/authentication-v1.ts";
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from "#api/generated/types/authorization-v1.ts";
import { invalid, type FieldError } from "#api/meta/field-error.ts";
import type { AnyObject, ObjectMeta } from "#api/meta/object.ts";
import { badRequestError, invalidError } from "#api/meta/status.ts";
import type { FieldManager } from "#api/patch/apply/field-manager.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { TokenError, type TokenAnswer } from "#apiserver/authn/bearer-token.ts";
import type { Authorizer, Decision } from "#apiserver/authz/authorizer.ts";
import {
  attributesOf,
  judgeStrictFaults,
  optionsObject,
  parseWriteOptions,
  settleNamespace,
  stampOf,
  wipeSystemFields,
  type WriteDeps,
} from "#apiserver/handlers/write.ts";
import { toRfc3339 } from "#base/clock.ts";
import type { ApiCall } from "#apiserver/request/call.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import { attributesFaults, localFaults, questionOf, type Asked } from "./authorization/asked-attributes.ts";
import type { VirtualRoutes } from "./install.ts";

export interface ReviewDeps extends WriteDeps {
  /** Reviews tell who manages their fields, though nobody keeps them. */
  readonly fieldManagerOf: (definition: ResourceDefinition) => FieldManager;
  /** Judges the tokens of TokenReviews. Undefined: nobody knows it. Throws TokenError. */
  readonly tokens: {
    review(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined>;
  };
}

interface Question {
  readonly object: AnyObject;
  readonly call: ApiCall;
  readonly info: RequestInfo;
  /** To be awaited before it is answered, and after it was found to be a question: admission has its last word. */
  readonly admitted: () => Promise<void>;
}

type Answering = (question: Question) => Promise<AnyObject>;

/** By "resource.group". */
export function reviewResources(
  deps: ReviewDeps,
): Readonly<Record<string, (definition: ResourceDefinition) => VirtualRoutes>> {
  const review =
    (answer: Answering) =>
    (definition: ResourceDefinition): VirtualRoutes => ({ create: createReview(answer, definition, deps) });
  return {
    "tokenreviews.authentication.k8s.io": review((question) => reviewToken(question, deps)),
    // It says when it was answered, and nothing of what was sent.
    "selfsubjectreviews.authentication.k8s.io": review(async ({ object, call, admitted }) => {
      await admitted();
      return {
        kind: object.kind,
        apiVersion: object.apiVersion,
        metadata: { creationTimestamp: toRfc3339(deps.clock.now()) },
        status: { userInfo: userInfoOf(call.user) },
      };
    }),
    "selfsubjectaccessreviews.authorization.k8s.io": review((question) =>
      reviewSelf(question, deps.authorizer),
    ),
    "subjectaccessreviews.authorization.k8s.io": review((question) =>
      reviewSubject(question, deps.authorizer),
    ),
    "localsubjectaccessreviews.authorization.k8s.io": review((question) =>
      reviewLocal(question, deps.authorizer),
    ),
    "selfsubjectrulesreviews.authorization.k8s.io": review((question) =>
      reviewRules(question, deps.authorizer),
    ),
  };
}

/** As everything is that is created, until it would be stored. */
function createReview(
  answer: Answering,
  definition: ResourceDefinition,
  deps: ReviewDeps,
): NonNullable<VirtualRoutes["create"]> {
  const { group, version, kind } = definition;
  const endpoint = { gvk: { group, version, kind }, definition };
  let fieldManager: FieldManager | undefined;
  return async (call, info) => {
    const request = { call, info, endpoint };
    const options = parseWriteOptions(call.query, "CreateOptions");
    const decoded = await deps.semantics.decode(call.body, endpoint.gvk);
    const object = judgeStrictFaults(decoded, options, request);
    settleNamespace(object, request);
    deps.semantics.applyDefaults(object, endpoint.gvk);
    call.sent?.(object);
    wipeSystemFields(object);
    fieldManager ??= deps.fieldManagerOf(definition);
    await fieldManager.updateAsking(undefined, object, stampOf(request, deps, options));
    const asked = attributesOf(request, {
      operation: "CREATE",
      object,
      oldObject: undefined,
      options: optionsObject("CreateOptions", options),
      dryRun: options.dryRun,
    });
    await deps.admission.admit(asked);
    const admitted = (): Promise<void> => deps.admission.validate(asked);
    return { kind: "object", status: 201, object: await answer({ object, call, info, admitted }) };
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

async function reviewToken({ object, admitted }: Question, { tokens }: ReviewDeps): Promise<AnyObject> {
  const review = object as TokenReview & AnyObject;
  const { token = "", audiences = [] } = review.spec;
  if (token === "") throw badRequestError("token is required for TokenReview in authentication");
  await admitted();
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

/** Reviews have nothing that is kept, so they have no metadata. */
function metadataFaults(metadata: ObjectMeta | undefined, detail: string): FieldError[] {
  const { managedFields: _managed, ...rest } = metadata ?? {};
  const isEmpty = Object.values(rest).every((value) => value === undefined || value === "");
  return isEmpty ? [] : [invalid("metadata", rest, detail)];
}

function refuseFaults(kind: string, faults: readonly FieldError[]): void {
  if (faults.length > 0) throw invalidError({ group: "authorization.k8s.io", kind, name: "" }, faults);
}

async function answered(user: UserInfo, asked: Asked, authorizer: Authorizer): Promise<Status> {
  const { attributes, errors } = questionOf(user, asked);
  return statusOf(await authorizer.authorize(attributes), errors);
}

async function reviewSelf({ object, call, admitted }: Question, authorizer: Authorizer): Promise<AnyObject> {
  const review = object as SelfSubjectAccessReview & AnyObject;
  refuseFaults("SelfSubjectAccessReview", [
    ...attributesFaults(review.spec),
    ...metadataFaults(review.metadata, "must be empty"),
  ]);
  await admitted();
  return { ...review, status: await answered(call.user, review.spec, authorizer) };
}

async function reviewSubject({ object, admitted }: Question, authorizer: Authorizer): Promise<AnyObject> {
  const review = object as SubjectAccessReview & AnyObject;
  refuseFaults("SubjectAccessReview", [
    ...attributesFaults(review.spec, subjectFaults(review.spec)),
    ...metadataFaults(review.metadata, "must be empty"),
  ]);
  await admitted();
  return { ...review, status: await answered(subjectOf(review.spec), review.spec, authorizer) };
}

async function reviewLocal(
  { object, info: { namespace }, admitted }: Question,
  authorizer: Authorizer,
): Promise<AnyObject> {
  const review = object as LocalSubjectAccessReview & AnyObject;
  const { resourceAttributes } = review.spec;
  const { namespace: _own, ...metadata } = review.metadata ?? {};
  const faults = [
    ...attributesFaults(review.spec, subjectFaults(review.spec)),
    ...metadataFaults(metadata, "must be empty except for namespace"),
  ];
  if (resourceAttributes !== undefined && (resourceAttributes.namespace ?? "") !== namespace) {
    faults.push(
      invalid(
        "spec.resourceAttributes.namespace",
        resourceAttributes.namespace ?? "",
        "must match metadata.namespace",
      ),
    );
  }
  refuseFaults("LocalSubjectAccessReview", [...faults, ...localFaults(review.spec)]);
  await admitted();
  return { ...review, status: await answered(subjectOf(review.spec), review.spec, authorizer) };
}

/** Upstream answers with nothing of what was sent, and asks no validating admission. */
async function reviewRules({ object, call }: Question, authorizer: Authorizer): Promise<AnyObject> {
  const review = object as SelfSubjectRulesReview & AnyObject;
  const namespace = review.spec.namespace ?? "";
  if (namespace === "") throw badRequestError("no namespace on request");
  const rules = await authorizer.rulesFor(call.user, namespace);
  return {
    kind: review.kind,
    apiVersion: review.apiVersion,
    metadata: {},
    status: {
      resourceRules: rules.resourceRules,
      nonResourceRules: rules.nonResourceRules,
      incomplete: rules.incomplete,
      ...(rules.evaluationError === undefined ? {} : { evaluationError: rules.evaluationError }),
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

function subjectFaults({ user = "", groups = [] }: SubjectAccessReviewSpec): FieldError[] {
  return user === "" && groups.length === 0
    ? [invalid("spec.user", user, "at least one of user or group must be specified")]
    : [];
}

type Status = Readonly<Record<string, unknown>>;

function statusOf({ allowed, denied, reason, error }: Decision, errors: readonly string[]): Status {
  const evaluationError = [...(error === undefined ? [] : [error]), ...errors].join("; ");
  return {
    allowed,
    ...(denied ? { denied } : {}),
    ...(reason === "" ? {} : { reason }),
    ...(evaluationError === "" ? {} : { evaluationError }),
  };
}
