/** Whether an answer is one that the API may give. */
import type { ProtobufCodec } from "#api/codec/protobuf.ts";
import { errorText } from "#base/log.ts";
import type { HttpAnswer, HttpCase } from "./http-case.ts";

/** With a Status that says so. upstream: apimachinery/pkg/apis/meta/v1/types.go */
const documentedReasons: ReadonlyMap<number, readonly string[]> = new Map([
  [503, ["ServiceUnavailable"]],
  [504, ["Timeout"]],
]);
const notImplemented = 501;
/**
 * Errors that upstream too lets out as they are, with code 500 and no reason.
 * upstream: apiserver/pkg/storage/{errors,api_object_versioner}.go, strategicpatch,
 * apimachinery/pkg/util/managedfields/internal/structuredmerge.go, pkg/registry/core/pod/storage/{storage,eviction}.go,
 * pkg/registry/core/service/storage/alloc.go, pkg/registry/rbac/validation, pkg/util/node/node.go, etcd's api/v3rpc/rpctypes
 */
const plainErrors = new RegExp(
  `^(?:${[
    "resourceVersion should not be set on objects to be created",
    'strconv\\.ParseUint: parsing "',
    "failed to create typed (?:patch|live|new) object ",
    "unknown patch type: ",
    "map: .* does not contain declared merge key: ",
    "The order in patch list:\n",
    "\\[?target\\.(?:kind|name): ",
    "Non-matching dry-run options in request and content: ",
    "This pod has more than one PodDisruptionBudget,",
    "duplicate nodePort: ",
    "unsupported role reference kind: ",
    "no preferred addresses found; known addresses: ",
    "etcdserver: request is too large$",
  ].join("|")})`,
  "s",
);

/**
 * Where a request has taken away every ServiceCIDR that is ready, or left a tiny one; where a port that is asked for isn't to
 * be had, or none is left; where nobody could be asked to convert what a definition defines.
 * upstream: pkg/registry/core/service/storage/alloc.go, apiextensions-apiserver/pkg/apiserver/customresource_handler.go
 */
const explained =
  /^Internal error occurred: (?:error resolving resource$|failed to allocate (?:a serviceIP: (?:range is full|allocator not ready)$|(?:requested HealthCheck NodePort|a HealthCheck NodePort|a nodePort)\b))/;

/** Undefined when it is. */
export function faultOf(one: HttpCase, answer: HttpAnswer, protobuf: ProtobufCodec): string | undefined {
  const { status, body } = answer;
  if (status < 200 || status > 599) return `status ${status}`;
  if (one.method === "HEAD" || status === 304 || status === 204) {
    return body.length > 0 ? `${one.method} answered ${status} with ${body.length} bytes` : undefined;
  }
  if (answer.isCut || typeOf(answer).includes("stream=watch")) {
    return status < 500 || documentedReasons.has(status) ? undefined : unexpected(answer);
  }
  return faultOfBody(one, answer, protobuf);
}

function faultOfBody(one: HttpCase, answer: HttpAnswer, protobuf: ProtobufCodec): string | undefined {
  const { status, body } = answer;
  let value: AnswerBody | undefined;
  try {
    value = valueOf(answer, protobuf);
  } catch (error) {
    // A watch that ended by itself, as one with a timeout does, is a line per event.
    if (/watch/i.test(one.path)) return undefined;
    return `not valid ${typeOf(answer)}: ${errorText(error)}: ${body.toString("utf8").slice(0, 200)}`;
  }
  if (status >= 500) return documented(status, value) ? undefined : unexpected(answer);
  return status < 400 || value === undefined ? undefined : faultOfRefusal(status, value);
}

type AnswerBody = Readonly<Record<string, unknown>>;

function typeOf({ headers }: HttpAnswer): string {
  const type = headers["content-type"];
  return typeof type === "string" ? type : "";
}

/** Undefined for what isn't an object: texts, and what is compressed. */
function valueOf(answer: HttpAnswer, protobuf: ProtobufCodec): AnswerBody | undefined {
  const type = typeOf(answer);
  if (answer.headers["content-encoding"] !== undefined) return undefined;
  if (type.startsWith("application/json")) return JSON.parse(answer.body.toString("utf8")) as AnswerBody;
  return type === "application/vnd.kubernetes.protobuf" ? protobuf.decode(answer.body) : undefined;
}

function faultOfRefusal(status: number, { kind, code }: AnswerBody): string | undefined {
  if (kind !== "Status") return `${status} with a ${String(kind)}, not a Status`;
  return code === status ? undefined : `${status} with a Status of code ${String(code)}`;
}

function documented(status: number, value: Readonly<Record<string, unknown>> | undefined): boolean {
  if (status === notImplemented || explained.test(String(value?.["message"]))) return true;
  // An empty reason isn't written.
  if (status === 500 && value?.["reason"] === undefined) return plainErrors.test(String(value?.["message"]));
  const reasons = documentedReasons.get(status);
  return reasons?.includes(String(value?.["reason"])) === true;
}

const unexpected = ({ status, body }: HttpAnswer): string =>
  `${status}: ${body.toString("utf8").slice(0, 600)}`;
