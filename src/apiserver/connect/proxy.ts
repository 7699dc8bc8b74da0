/**
 * pods/proxy, services/proxy and nodes/proxy: any HTTP request passed on to a port.
 * upstream: pkg/registry/core/{pod,service,node}/rest, apimachinery/pkg/util/proxy/upgradeaware.go
 */
import type { Pod, Service, ServicePort } from "#api/generated/types/core-v1.ts";
import { badRequestError, serviceUnavailableError } from "#api/meta/status.ts";
import { endpointSlices, pods, services } from "#api/resources.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import type { Handler, ResourceCall } from "#apiserver/registry/endpoint.ts";
import type { Answer } from "#apiserver/request/call.ts";
import { exchange, forwardedHeaders, handOver, passOn, type Backend, type BackendDeps } from "./backend.ts";
import type { Kubelets } from "./kubelets.ts";
import { readyEndpoints } from "./service-resolver.ts";

export interface ProxyDeps extends BackendDeps {
  readonly client: () => Client;
  readonly kubelets: Kubelets;
  readonly random: Random;
}

interface Port {
  readonly scheme: "http" | "https";
  readonly name: string;
  /** A number or a name; "" for the default. */
  readonly port: string;
}

/** "name", "name:port", "scheme:name:port". Throws 400. */
export function parseProxyName(text: string, what: "node" | "pod" | "service"): Port {
  const [first = "", second = "", third, ...more] = text.split(":");
  const [scheme, name, port] = third === undefined ? ["", first, second] : [first, second, third];
  if (more.length > 0 || name === "" || !["", "http", "https"].includes(scheme)) {
    throw badRequestError(`invalid ${what} request ${JSON.stringify(text)}`);
  }
  return { scheme: scheme === "https" ? "https" : "http", name, port };
}

/** What follows …/proxy in the path, and the query. */
function targetOf({ call, info }: ResourceCall): string {
  const marker = `/${info.name}/proxy`;
  const at = call.path.indexOf(marker);
  const rest = encodeURI(call.path.slice(at + marker.length));
  const query = call.query.toString();
  return `${rest === "" ? "/" : rest}${query === "" ? "" : `?${query}`}`;
}

const anyTls = { caPem: undefined, certificatePem: undefined, keyPem: undefined };

export const podProxy = (deps: ProxyDeps): Handler =>
  proxied(deps, async (request, target) => {
    const { scheme, name, port } = parseProxyName(request.info.name, "pod");
    const pod = await deps.client().resource(pods, request.info.namespace).get(name);
    const host = pod.status?.podIP ?? "";
    if (host === "") throw badRequestError("address not allowed");
    return { host, port: podPort(pod, port), target, tls: scheme === "https" ? anyTls : undefined };
  });

function podPort({ spec }: Pod, text: string): number {
  if (text !== "") {
    const port = Number(text);
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw badRequestError(`invalid port ${JSON.stringify(text)}`);
    }
    return port;
  }
  const first = spec?.containers.flatMap(({ ports }) => ports ?? [])[0];
  return first?.containerPort ?? 80;
}

export const serviceProxy = (deps: ProxyDeps): Handler =>
  proxied(deps, async (request, target) => {
    const { scheme, name, port } = parseProxyName(request.info.name, "service");
    const { namespace } = request.info;
    const service = await deps.client().resource(services, namespace).get(name);
    const slices = await deps
      .client()
      .resource(endpointSlices, namespace)
      .list({ labelSelector: `kubernetes.io/service-name=${name}` });
    const all = readyEndpoints(slices.items, servicePort(service, port));
    const chosen = all[Math.floor(deps.random.next() * all.length)];
    if (chosen === undefined) {
      throw serviceUnavailableError(`no endpoints available for service ${JSON.stringify(name)}`);
    }
    return { ...chosen, target, tls: scheme === "https" ? anyTls : undefined };
  });

/** The name of the asked port; "" for an unnamed one. */
function servicePort({ spec, metadata }: Service, text: string): string {
  const ports = spec?.ports ?? [];
  const isAsked = ({ name, port }: ServicePort): boolean => name === text || port === Number(text);
  const found = text === "" ? (ports.length === 1 ? ports[0] : undefined) : ports.find(isAsked);
  if (found === undefined) {
    throw serviceUnavailableError(
      `no service port ${JSON.stringify(text)} found for service ${JSON.stringify(metadata?.name ?? "")}`,
    );
  }
  return found.name ?? "";
}

export const nodeProxy = (deps: ProxyDeps): Handler =>
  proxied(deps, async (request, target) => {
    const { name, port } = parseProxyName(request.info.name, "node");
    const backend = await deps.kubelets.backend(name, target);
    return port === "" || Number(port) === backend.port
      ? backend
      : { ...backend, port: Number(port), tls: undefined };
  });

const forwarded = [
  "accept",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "content-length",
  "content-type",
  "cookie",
  "if-modified-since",
  "if-none-match",
  "origin",
  "range",
  "referer",
  "user-agent",
];

function proxied(
  deps: ProxyDeps,
  backendOf: (request: ResourceCall, target: string) => Promise<Backend>,
): Handler {
  return async (request): Promise<Answer> => {
    const { call } = request;
    const target = targetOf(request);
    const isBare = call.path.endsWith("/proxy");
    if (isBare && call.method === "GET" && call.upgrade === undefined) {
      const query = call.query.toString();
      const location = `${call.path}/${query === "" ? "" : `?${query}`}`;
      return { kind: "raw", status: 301, headers: { location }, body: "" };
    }
    const backend = await backendOf(request, target);
    if (call.upgrade !== undefined) return handOver(backend, call.method, call.upgrade, deps);
    return passOn(await exchange(backend, call, forwardedHeaders(call, forwarded)));
  };
}
