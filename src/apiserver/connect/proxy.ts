/**
 * pods/proxy, services/proxy and nodes/proxy: any HTTP request passed on to a port.
 * upstream: pkg/registry/core/{pod,service,node}/rest, apimachinery/pkg/util/proxy/upgradeaware.go
 */
import type { Agent } from "node:http";
import { posix } from "node:path";
import type { EndpointSubset, Pod, Service } from "#api/generated/types/core-v1.ts";
import { badRequestError, isNotFound, serviceUnavailableError } from "#api/meta/status.ts";
import { endpoints, pods, services } from "#api/resources.ts";
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
import { assertProxyable, assertProxyableHost, dialledPort } from "./proxyable.ts";

export interface ProxyDeps extends BackendDeps {
  readonly client: () => Client;
  readonly kubelets: Kubelets;
  readonly random: Random;
  /** In the clear. */
  readonly kept: Agent;
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
  if (text !== "") return dialledPort(text);
  const first = spec?.containers.map(({ ports }) => ports?.[0]).find((port) => port !== undefined);
  return first?.containerPort;
}

export const serviceProxy = (deps: ProxyDeps): Handler =>
  proxied(deps, async (request, target) => {
    const { scheme, name, port } = parseProxyName(request.info.name, "service");
    const { namespace } = request.info;
    const client = deps.client();
    const portName = /^[+-]?\d+$/.test(port)
      ? nameOfPort(await client.resource(services, namespace).get(name), Number(port))
      : port;
    const { subsets = [] } = await client.resource(endpoints, namespace).get(name);
    if (subsets.length === 0) throw noEndpoints(name);
    const ofPod = async (at: PodEndpoint): Promise<boolean> => {
      const pod = at.pod === undefined ? undefined : await podIfAny(client, namespace, at.pod);
      return pod?.status?.podIPs?.some(({ ip }) => ip === at.host) === true;
    };
    for (const each of shuffled(endpointsOf(subsets, namespace, portName), deps.random)) {
      if (!(await ofPod(each))) continue;
      return { host: each.host, port: each.port, target, tls: scheme === "https" ? anyTls : undefined };
    }
    // The one by its own name, the other by the name it was asked for, as upstream.
    throw noEndpoints(request.info.name);
  });

const noEndpoints = (name: string): Error =>
  serviceUnavailableError(`no endpoints available for service ${JSON.stringify(name)}`);

interface PodEndpoint {
  readonly host: string;
  readonly port: number;
  /** Undefined for what is no pod of that namespace: anybody could have whatever address asked by it. */
  readonly pod: string | undefined;
}

function endpointsOf(
  subsets: readonly EndpointSubset[],
  namespace: string,
  portName: string,
): readonly PodEndpoint[] {
  return subsets.flatMap(({ addresses = [], ports = [] }) => {
    const port = ports.find(({ name = "" }) => name === portName)?.port;
    if (port === undefined) return [];
    return addresses.map(({ ip, targetRef }) => ({
      host: ip,
      port,
      pod: targetRef?.namespace === namespace ? targetRef.name : undefined,
    }));
  });
}

/** Beginning anywhere, in order from there. */
function shuffled<T>(all: readonly T[], random: Random): readonly T[] {
  const first = Math.floor(random.next() * all.length);
  return [...all.slice(first), ...all.slice(0, first)];
}

async function podIfAny(client: Client, namespace: string, name: string): Promise<Pod | undefined> {
  try {
    return await client.resource(pods, namespace).get(name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** "" for an unnamed one. */
function nameOfPort({ spec, metadata }: Service, number: number): string {
  const found = spec?.ports?.find(({ port }) => port === number);
  if (found !== undefined) return found.name ?? "";
  throw serviceUnavailableError(
    `no service port ${number} found for service ${JSON.stringify(metadata?.name ?? "")}`,
  );
}

export const nodeProxy = (deps: ProxyDeps): Handler =>
  proxied(deps, async (request, target) => {
    const { scheme, name, port: text } = parseProxyName(request.info.name, "node");
    const kubelet = await deps.kubelets.backend(name, target);
    if (text === "" || text === String(kubelet.port)) return kubelet;
    await assertProxyableHost(kubelet.host);
    return { ...kubelet, port: dialledPort(text), tls: scheme === "https" ? anyTls : undefined };
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
      const way = backend.tls === undefined ? { ...backend, agent: deps.kept } : backend;
      const response = await exchange(way, call, headers, deps);
      return await proxiedAnswer(response, { prefix, backendHost: hostOf(backend), clientHost });
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if (!(error instanceof BackendError)) throw error;
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
