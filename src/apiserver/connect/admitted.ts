/** Admission of requests that connect to something: what they ask for is their object. upstream: apiserver/pkg/endpoints/handlers/rest.go ConnectResource */
import type { AnyObject } from "#api/meta/object.ts";
import type { Admission } from "#apiserver/admission/admission.ts";
import { attributesOf } from "#apiserver/handlers/write.ts";
import type { Handler, ResourceCall } from "#apiserver/registry/endpoint.ts";
import { isTrue, portNumbers } from "#apiserver/request/query.ts";

export interface ConnectKind {
  readonly kind: string;
  readonly flags?: readonly string[];
  readonly texts?: readonly string[];
  readonly lists?: readonly string[];
  readonly numbers?: readonly string[];
  /** The path after …/proxy is one of the options. */
  readonly hasPath?: boolean;
}

const streams = ["stdin", "stdout", "stderr", "tty"];

export const connectKinds = {
  exec: { kind: "PodExecOptions", flags: streams, texts: ["container"], lists: ["command"] },
  attach: { kind: "PodAttachOptions", flags: streams, texts: ["container"] },
  portForward: { kind: "PodPortForwardOptions", numbers: ["ports"] },
  podProxy: { kind: "PodProxyOptions", hasPath: true },
  serviceProxy: { kind: "ServiceProxyOptions", hasPath: true },
  nodeProxy: { kind: "NodeProxyOptions", hasPath: true },
} as const satisfies Readonly<Record<string, ConnectKind>>;

export const admitted =
  (admission: Admission, connectKind: ConnectKind, handler: Handler): Handler =>
  async (request) => {
    const attributes = attributesOf(request, {
      operation: "CONNECT",
      object: optionsOf(request, connectKind),
      oldObject: undefined,
      options: {},
      dryRun: false,
      gvk: { group: "", version: "v1", kind: connectKind.kind },
    });
    await admission.admit(attributes);
    await admission.validate(attributes);
    return handler(request);
  };

function optionsOf(
  { call, info }: ResourceCall,
  { kind, flags = [], texts = [], lists = [], numbers = [], hasPath = false }: ConnectKind,
): AnyObject {
  const { query } = call;
  const marker = `/${info.name}/proxy`;
  const rest = call.path.slice(call.path.indexOf(marker) + marker.length);
  return {
    kind,
    apiVersion: "v1",
    ...Object.fromEntries(flags.filter((name) => isTrue(query.get(name))).map((name) => [name, true])),
    ...Object.fromEntries(
      texts.flatMap((name) => (query.get(name) === null ? [] : [[name, query.get(name)] as const])),
    ),
    ...Object.fromEntries(
      lists.flatMap((name) => (query.has(name) ? [[name, query.getAll(name)] as const] : [])),
    ),
    ...Object.fromEntries(
      numbers.flatMap((name) => (query.has(name) ? [[name, portNumbers(query, name)] as const] : [])),
    ),
    ...(hasPath && rest !== "" ? { path: rest.replace(/^\//, "") } : {}),
  };
}
