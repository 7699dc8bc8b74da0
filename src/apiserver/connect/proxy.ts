/**
 * pods/proxy, services/proxy and nodes/proxy: any HTTP request passed on to a port.
 * upstream: pkg/registry/core/{pod,service,node}/rest, apimachinery/pkg/util/proxy/upgradeaware.go
 */
import { posix } from "node:path";
import type { Pod, Service, ServicePort } from "#api/generated/types/core-v1.ts";
import { badRequestError, serviceUnavailableError } from "#api/meta/status.ts";
import { endpointSlices, pods, services } from "#api/resources.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import type { Handler, ResourceCall } from "#apiserver/registry/endpoint.ts";
import type { Answer } from "#apiserver/request/call.ts";
import { methodNotAllowed } from "#apiserver/request/refusals.ts";
import {
  BackendError,
  exchange,
  forwardedFor,
  forwardedHeaders,
  hostOf,
  type Backend,
  type BackendDeps,
} from "./backend.ts";
import { handOver } from "./hand-over.ts";
import type { Kubelets } from "./kubelets.ts";
import { proxiedAnswer } from "./proxied-answer.ts";
import { assertProxyable, assertProxyableHost } from "./proxyable.ts";
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

const anyTls = { caPem: undefined, certificatePem: undefined, keyPem: undefined };

export const podProxy = (deps: ProxyDeps): Handler =>
  proxied(deps, async (request, target) => {
    const { scheme, name, port } = parseProxyName(request.info.name, "pod");
    const pod = await deps.client().resource(pods, request.info.namespace).get(name);
    const host = pod.status?.podIP ?? "";
    assertProxyable(host);
    const tls = scheme === "https" ? anyTls : undefined;
    return { host, port: podPort(pod, port) ?? (tls === undefined ? 80 : 443), target, tls };
  });

function podPort({ spec }: Pod, text: string): number | undefined {
  if (text !== "") return portOf(text);
  const first = spec?.containers.flatMap(({ ports }) => ports ?? [])[0];
  return first?.containerPort;
}

/** Throws 400. */
function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw badRequestError(`invalid port ${JSON.stringify(text)}`);
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
    const { scheme, name, port: text } = parseProxyName(request.info.name, "node");
    const kubelet = await deps.kubelets.backend(name, target);
    const port = text === "" ? kubelet.port : portOf(text);
    if (port === kubelet.port) return kubelet;
    await assertProxyableHost(kubelet.host);
    return { ...kubelet, port, tls: scheme === "https" ? anyTls : undefined };
  });

/** Of a call from within the process. */
const ownHeaders = ["accept", "content-type", "user-agent"];

function proxied(
  deps: ProxyDeps,
  backendOf: (request: ResourceCall, target: string) => Promise<Backend>,
): Handler {
  return async (request): Promise<Answer> => {
    const { call } = request;
    if (call.info.verb === "" && call.method !== "OPTIONS") throw methodNotAllowed();
    const { prefix, path, query } = proxyPath(request);
    const target = `${escapePath(path === "" ? "/" : path)}${query}`;
    const backend = await backendOf(request, target);
    // HTTP/2 has another name for it.
    const clientHost = [call.header("host"), call.header(":authority")].find((each) => each !== "") ?? "";
    const host = clientHost === "" ? {} : { host: clientHost };
    if (call.upgrade !== undefined) {
      const headers = { ...backend.headers, ...host, "x-forwarded-for": forwardedFor(call) };
      return handOver({ ...backend, headers }, call.method, call.upgrade, deps);
    }
    if (path === "" && /^(GET|HEAD)$/.test(call.method)) {
      return { kind: "raw", status: 301, headers: { location: `${call.path}/${query}` }, body: "" };
    }
    const headers = {
      ...forwardedHeaders(call, call.headerNames ?? ownHeaders),
      ...host,
      "x-forwarded-uri": posix.join(prefix, escapePath(path)),
    };
    try {
      const response = await exchange(backend, call, headers);
      return await proxiedAnswer(response, { prefix, backendHost: hostOf(backend), clientHost });
    } catch (error) {
      if (!(error instanceof BackendError) || call.signal.aborted) throw error;
      throw serviceUnavailableError(`error trying to reach service: ${error.text(deps.clock)}`);
    }
  };
}

/** What leads to the proxy, what it passes on, and the query with its mark. */
function proxyPath({ call, info }: ResourceCall): { prefix: string; path: string; query: string } {
  const marker = `/${info.name}/proxy`;
  const prefix = call.path.slice(0, call.path.indexOf(marker) + marker.length);
  const rest = call.path.slice(prefix.length);
  // Over HTTP/2 there may be anything in it, over HTTP/1.1 not.
  const query = (call.rawQuery ?? call.query.toString()).replaceAll(/[^!-ÿ]/g, encodeURIComponent);
  return { prefix, path: rest === "" ? "" : posix.join("/", rest), query: query === "" ? "" : `?${query}` };
}

/** As Go writes a path. upstream: net/url EscapedPath */
const escapePath = (path: string): string =>
  encodeURI(path).replaceAll(
    /[?#!*'()]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
