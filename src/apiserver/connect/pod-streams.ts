/** pods/exec, attach, portforward and log: passed on to the kubelet of the pod's node. upstream: pkg/registry/core/pod/strategy.go */
import type { Pod } from "#api/generated/types/core-v1.ts";
import {
  forbidden as forbiddenField,
  invalid,
  notSupported,
  type FieldError,
} from "#api/meta/field-error.ts";
import { badRequestError, failure, internalError, invalidError, reasonOf } from "#api/meta/status.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import { forbidden } from "#apiserver/authz/forbidden.ts";
import type { Handler, ResourceCall } from "#apiserver/registry/endpoint.ts";
import type { Answer } from "#apiserver/request/call.ts";
import { authorizationAttributes } from "#apiserver/request/chain.ts";
import type { PodLogMetrics } from "#apiserver/metrics/pod-log-metrics.ts";
import { integer, isTrue } from "#apiserver/request/query.ts";
import { BackendError, beginningOf, exchange, hostOf, type BackendDeps } from "./backend.ts";
import { isCertificateError, statusText } from "./go-errors.ts";
import { handOver } from "./hand-over.ts";
import type { Kubelets } from "./kubelets.ts";

export interface PodStreamDeps extends BackendDeps {
  readonly kubelets: Kubelets;
  readonly authorizer: Authorizer;
  readonly podLogs?: PodLogMetrics | undefined;
}

async function podOf({ info, endpoint }: ResourceCall): Promise<Pod> {
  return (await endpoint.storage.get(info)).object;
}

/** The asked container, or the only one. Throws 400. upstream: pkg/registry/core/pod/strategy.go (validateContainer) */
export function containerOf(pod: Pod, asked: string): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const names = [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => name);
  const podName = pod.metadata?.name ?? "";
  if (asked !== "") {
    if (names.includes(asked)) return asked;
    throw badRequestError(`container ${asked} is not valid for pod ${podName}`);
  }
  const [only, another] = containers;
  if (only !== undefined && another === undefined) return only.name;
  const choices = only === undefined ? "" : `, choose one of: [${names.join(" ")}]`;
  throw badRequestError(`a container name must be specified for pod ${podName}${choices}`);
}

/** Throws 400 while the pod waits for a node. */
function nodeOf(pod: Pod): string {
  const name = pod.spec?.nodeName ?? "";
  if (name === "") throw badRequestError(`pod ${pod.metadata?.name ?? ""} does not have a host assigned`);
  return name;
}

/** exec, attach: the kubelet's names for the parameters differ. */
export const stream =
  (verb: "exec" | "attach", deps: PodStreamDeps): Handler =>
  async (request) => {
    const pod = await podOf(request);
    const { query } = request.call;
    const container = containerOf(pod, query.get("container") ?? "");
    const params = new URLSearchParams();
    for (const [name, kubeletName] of [
      ["stdin", "input"],
      ["stdout", "output"],
      ["stderr", "error"],
      ["tty", "tty"],
    ] as const) {
      if (isTrue(query.get(name))) params.append(kubeletName, "1");
    }
    if (verb === "exec") for (const word of query.getAll("command")) params.append("command", word);
    return takeOver(request, deps, pod, `/${verb}/${placeOf(pod)}/${container}?${params.toString()}`);
  };

export const portForward =
  (deps: PodStreamDeps): Handler =>
  async (request) => {
    const pod = await podOf(request);
    const params = new URLSearchParams();
    for (const ports of request.call.query.getAll("ports")) params.append("port", ports);
    const query = params.size === 0 ? "" : `?${params.toString()}`;
    return takeOver(request, deps, pod, `/portForward/${placeOf(pod)}${query}`);
  };

const placeOf = ({ metadata }: Pod): string => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;

async function takeOver(
  request: ResourceCall,
  deps: PodStreamDeps,
  pod: Pod,
  target: string,
): Promise<Answer> {
  const { call } = request;
  if (call.upgrade === undefined) throw badRequestError("Upgrade request required");
  await mayCreate(request, deps.authorizer);
  const backend = await deps.kubelets.backend(nodeOf(pod), target);
  return handOver(backend, call.method, call.upgrade, deps);
}

/** A WebSocket comes as GET, but does what POST does: it needs the power to create as well. */
async function mayCreate({ call, info }: ResourceCall, authorizer: Authorizer): Promise<void> {
  if (info.verb !== "get") return;
  const attributes = { ...authorizationAttributes(call, info), verb: "create" };
  const decision = await authorizer.authorize(attributes);
  if (!decision.allowed) throw forbidden(attributes, decision.reason);
}

const logParameters = [
  "follow",
  "previous",
  "sinceSeconds",
  "sinceTime",
  "timestamps",
  "tailLines",
  "limitBytes",
  "stream",
];

const logStreams = ["All", "Stderr", "Stdout"];

/** Throws 400 for what is no number, 422. upstream: pkg/apis/core/validation ValidatePodLogOptions */
function checkLogOptions(query: URLSearchParams, name: string): void {
  const faults: FieldError[] = [];
  const least = (field: string, min: number): void => {
    const value = integer(query, field);
    if (value === undefined || value >= min) return;
    faults.push(
      invalid(field, value, min === 0 ? "must be greater than or equal to 0" : "must be greater than 0"),
    );
  };
  least("tailLines", 0);
  least("limitBytes", 1);
  if (query.has("sinceSeconds") && query.has("sinceTime")) {
    faults.push(forbiddenField("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  } else least("sinceSeconds", 1);
  const source = query.get("stream") ?? "All";
  if (!logStreams.includes(source)) faults.push(notSupported("stream", source, logStreams));
  if (source !== "All" && query.has("tailLines")) {
    faults.push(forbiddenField("", "`tailLines` and specific `stream` are mutually exclusive for now"));
  }
  if (faults.length > 0) throw invalidError({ group: "", kind: "PodLogOptions", name }, faults);
}

export const log =
  (deps: PodStreamDeps): Handler =>
  async (request) => {
    const { call } = request;
    const isUnverified = isTrue(call.query.get("insecureSkipTLSVerifyBackend"));
    deps.podLogs?.asked(isUnverified);
    checkLogOptions(call.query, request.info.name);
    const pod = await podOf(request);
    const container = containerOf(pod, call.query.get("container") ?? "");
    // Before it has a node, a pod has said nothing.
    if ((pod.spec?.nodeName ?? "") === "") return { kind: "raw", status: 204, headers: {}, body: "" };
    const params = new URLSearchParams();
    for (const name of logParameters) {
      const value = call.query.get(name);
      if (value !== null && value !== "") params.set(name, value);
    }
    const target = `/containerLogs/${placeOf(pod)}/${container}?${params.toString()}`;
    const backend = await deps.kubelets.backend(nodeOf(pod), target, isUnverified);
    const response = await exchange(backend, call, {}, deps).catch((error: unknown) => {
      if (!(error instanceof BackendError)) throw error;
      if (isCertificateError(error.cause)) deps.podLogs?.tlsFailures.add();
      const message = `Get ${JSON.stringify(`https://${hostOf(backend)}${target}`)}: ${error.text(deps.clock)}`;
      throw failure({ code: 500, reason: "", message }, { cause: error });
    });
    const status = response.statusCode ?? 500;
    if (status >= 200 && status <= 206) {
      return { kind: "raw", status, headers: { "content-type": "text/plain" }, body: response };
    }
    const text = (await beginningOf(response, refusalBytesMax)).toString("utf8").trim();
    throw backendError(status, text, request.info.name);
  };

/** upstream: maxReadLength */
const refusalBytesMax = 50_000;

/** upstream: apiserver/pkg/registry/generic/rest/response_checker.go */
function backendError(status: number, text: string, podName: string): Error {
  if (status === 400) return badRequestError(text);
  if (status === 500) return internalError(text);
  const resource = "pods/log";
  return failure({
    code: status,
    reason: reasonOf(status) ?? "",
    message: `${statusText(status, text)} ( ${resource} ${podName})`,
    details: { name: podName, kind: resource },
  });
}
