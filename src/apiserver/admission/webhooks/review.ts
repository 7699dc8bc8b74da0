/** The question to a webhook and its answer. upstream: apiserver/pkg/admission/plugin/webhook/request/admissionreview.go */
import type {
  AdmissionRequest,
  AdmissionResponse,
  AdmissionReview,
} from "#api/generated/types/admission-v1.ts";
import type { JsonDecoder } from "#api/codec/json.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { failure, type Status, type StatusError } from "#api/meta/status.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { namespaceOf } from "./matching.ts";
import type { Named } from "./object-types.ts";
import type { AnyWebhook } from "./source.ts";

const reviewVersions = ["v1", "v1beta1"] as const;
export type ReviewVersion = (typeof reviewVersions)[number];

/** The first that the webhook understands of those that we do. */
export function reviewVersionOf({ admissionReviewVersions }: AnyWebhook): ReviewVersion | undefined {
  for (const wanted of admissionReviewVersions) {
    const found = reviewVersions.find((known) => known === wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

export interface Question {
  readonly uid: string;
  readonly version: ReviewVersion;
  readonly named: Named;
  readonly object: AnyObject | undefined;
  readonly oldObject: AnyObject | undefined;
  /** The same as clients see them. */
  readonly seen: {
    readonly object: AnyObject | undefined;
    readonly oldObject: AnyObject | undefined;
  };
}

export const reviewOf = (attributes: AdmissionAttributes, question: Question): AdmissionReview => ({
  kind: "AdmissionReview",
  apiVersion: `admission.k8s.io/${question.version}`,
  request: requestOf(attributes, question),
});

/** What expressions know as `request`, too. */
export function requestOf(
  attributes: AdmissionAttributes,
  { uid, named, seen }: Pick<Question, "uid" | "named" | "seen">,
): AdmissionRequest {
  const { gvk, gvr, subresource, name, operation, dryRun } = attributes;
  const namespace = namespaceOf(attributes);
  return {
    uid,
    kind: kindOf(named.gvk),
    resource: resourceOf(named.gvr),
    ...(subresource === "" ? {} : { subResource: subresource }),
    requestKind: kindOf(gvk),
    requestResource: resourceOf(gvr),
    ...(subresource === "" ? {} : { requestSubResource: subresource }),
    ...(name === "" ? {} : { name }),
    ...(namespace === "" ? {} : { namespace }),
    operation,
    userInfo: userOf(attributes),
    object: seen.object ?? null,
    oldObject: seen.oldObject ?? null,
    dryRun,
    options: Object.keys(attributes.options).length === 0 ? null : attributes.options,
  };
}

const kindOf = ({ group, version, kind }: Named["gvk"]): AdmissionRequest["kind"] => ({
  group,
  version,
  kind,
});

const resourceOf = ({ group, version, resource }: Named["gvr"]): AdmissionRequest["resource"] => ({
  group,
  version,
  resource,
});

function userOf({ user }: AdmissionAttributes): AdmissionRequest["userInfo"] {
  const { name, uid, groups, extra } = user;
  return {
    username: name,
    ...(uid === undefined || uid === "" ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups: [...groups] }),
    ...(extra === undefined || Object.keys(extra).length === 0
      ? {}
      : { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) }),
  };
}

/** An answer that isn't one. */
export class BadReviewError extends Error {
  override readonly name = "BadReviewError";
  readonly code = "BAD_REVIEW";
}

export type ReviewReader = Pick<JsonDecoder, "fromValue">;

/** What the answer's fields are is checked, not what they say. Throws DecodeError. */
export const readReview = (said: unknown, reader: ReviewReader): AdmissionReview =>
  reader.fromValue(said ?? {}, "io.k8s.api.admission.v1.AdmissionReview").object;

/** Throws BadReviewError. */
export function answerOf(
  { response: answer, kind = "", apiVersion = "" }: AdmissionReview,
  { uid, version }: Question,
  isMutating: boolean,
): AdmissionResponse {
  if (answer === undefined) throw new BadReviewError("webhook response was absent");
  if (version === "v1") {
    const answered = answer.uid as string | undefined;
    if (answered !== uid) {
      throw new BadReviewError(
        `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(answered ?? "")}`,
      );
    }
    checkKind(apiVersion, kind);
    checkPatch(answer, isMutating);
  }
  return answer;
}

function checkKind(apiVersion: string, kind: string): void {
  if (apiVersion === "admission.k8s.io/v1" && kind === "AdmissionReview") return;
  const got = apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
  throw new BadReviewError(
    `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${got}, Kind=${kind}`,
  );
}

function checkPatch({ patch = "", patchType }: AdmissionResponse, isMutating: boolean): void {
  if (!isMutating) {
    if (patch !== "") throw new BadReviewError("validating webhook may not return response.patch");
    if (patchType !== undefined) {
      throw new BadReviewError("validating webhook may not return response.patchType");
    }
    return;
  }
  if (patch !== "" && patchType === undefined) {
    throw new BadReviewError("webhook returned response.patch but not response.patchType");
  }
  if (patch === "" && patchType !== undefined) {
    throw new BadReviewError("webhook returned response.patchType but not response.patch");
  }
  if (patchType === "") throw new BadReviewError('webhook returned invalid response.patchType of ""');
}

/** The refusal as the client sees it. upstream: apiserver/pkg/admission/plugin/webhook/errors/statuserror.go */
export function denial(webhookName: string, status: AdmissionResponse["status"]): StatusError {
  const deniedBy = `admission webhook ${JSON.stringify(webhookName)} denied the request`;
  const { message = "", reason = "", code = 0, details } = (status ?? {}) as Partial<Status>;
  const why = message === "" ? reason : message;
  return failure({
    code: code < 400 ? 400 : code,
    reason,
    message: why === "" ? `${deniedBy} without explanation` : `${deniedBy}: ${why}`,
    ...(details === undefined ? {} : { details }),
  });
}
