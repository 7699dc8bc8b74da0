/** pods/exec, attach, portforward and log: passed on to the kubelet of the pod's node. upstream: pkg/registry/core/pod/strategy.go */
import type { Pod } from "#api/generated/types/core-v1.ts";
import { badRequestError, failure, forbiddenError, internalError, reasonOf } from "#api/meta/status.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { Handler, ResourceCall } from "#apiserver/registry/endpoint.ts";
import type { Answer } from "#apiserver/request/call.ts";
import { authorizationAttributes } from "#apiserver/request/chain.ts";
import type { PodLogMetrics } from "#apiserver/metrics/pod-log-metrics.ts";
import { isTrue, portNumbers } from "#apiserver/request/query.ts";
import { BackendError, beginningOf, exchange, hostOf, type BackendDeps } from "./backend.ts";
import { isCertificateError, statusText } from "./go-errors.ts";
import { handOver } from "./hand-over.ts";
import type { Kubelets } from "./kubelets.ts";
import { handOverCommand, hearsRefusals } from "./refused-command.ts";
import { kubeletParams, logOptions } from "./log-options.ts";

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
    await mayCreate(request, deps.authorizer);
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
    return takeOver(request, deps, pod, `/${verb}/${placeOf(pod)}/${container}${queryOf(params)}`);
  };

export const portForward =
  (deps: PodStreamDeps): Handler =>
  async (request) => {
    await mayCreate(request, deps.authorizer);
    const pod = await podOf(request);
    const params = new URLSearchParams();
    const ports = portNumbers(request.call.query, "ports");
    if (ports.length > 0) params.append("port", ports.join(","));
    return takeOver(request, deps, pod, `/portForward/${placeOf(pod)}${queryOf(params)}`);
  };

/** In Go's order. */
function queryOf(params: URLSearchParams): string {
  params.sort();
  return params.size === 0 ? "" : `?${params.toString()}`;
}

const placeOf = ({ metadata }: Pod): string => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;

async function takeOver(
  request: ResourceCall,
  deps: PodStreamDeps,
  pod: Pod,
  target: string,
): Promise<Answer> {
  const { call, info } = request;
  const backend = await deps.kubelets.backend(nodeOf(pod), target);
  if (call.upgrade === undefined) throw badRequestError("Upgrade request required");
  return info.subresource !== "portforward" && hearsRefusals(call)
    ? handOverCommand(backend, call, call.upgrade, deps)
    : handOver(backend, call.method, call.upgrade, deps);
}

/**
 * A WebSocket comes as GET, but does what POST does: it needs the power to create as well, before anything is said of the
 * pod. upstream: pkg/registry/core/pod/rest/authorize.go, which tells no more than the authorizer's reason
 */
async function mayCreate({ call, info }: ResourceCall, authorizer: Authorizer): Promise<void> {
  if (info.verb === "create") return;
  const decision = await authorizer.authorize({ ...authorizationAttributes(call, info), verb: "create" });
  const { group, resource, name } = info;
  if (!decision.allowed) throw forbiddenError({ group, resource, name }, decision.reason);
}

export const log =
  (deps: PodStreamDeps): Handler =>
  async (request) => {
    const { call } = request;
    const isUnverified = isTrue(call.query.get("insecureSkipTLSVerifyBackend"));
    deps.podLogs?.asked(isUnverified);
    const options = logOptions(call.query, request.info.name);
    const pod = await podOf(request);
    const container = containerOf(pod, call.query.get("container") ?? "");
    // Before it has a node, a pod has said nothing.
    if ((pod.spec?.nodeName ?? "") === "") return { kind: "raw", status: 204, headers: {}, body: "" };
    const target = `/containerLogs/${placeOf(pod)}/${container}${queryOf(kubeletParams(options))}`;
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
