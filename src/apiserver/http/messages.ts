/**
 * Which WebSockets are agreed to: of watches and of logs.
 * upstream: golang.org/x/net/websocket (hybi.go, server.go), apimachinery/pkg/util/httpstream/wsstream (stream.go)
 */
import { headerOf, type Exchange, type WebSocketAsked } from "./exchange.ts";

/** Whose answer may go on in messages. */
export type Asking = Exchange & { readonly webSocket: WebSocketAsked };

export const asksForMessages = (exchange: Exchange): exchange is Asking => exchange.webSocket !== undefined;

/** Browsers always say where their page is from; who doesn't is refused. False: the client has been told so. */
export function acceptWatch(exchange: Asking, isText: boolean): boolean {
  if (!isHandshake(exchange)) return false;
  const origin = headerOf(exchange, "origin");
  if (origin === "" || origin === "null" || !/^(\/|[a-z][a-z0-9+.-]*:)/i.test(origin)) {
    return refuse(exchange, 403);
  }
  // Of one protocol it is said that it is spoken, whatever it is; among several there is no choice.
  const { offered } = exchange.webSocket;
  if (offered.length > 1) return refuse(exchange, 400);
  exchange.webSocket.accept(offered[0] ?? "", isText);
  return true;
}

const base64Protocol = "base64.binary.k8s.io";
const logProtocols = ["binary.k8s.io", base64Protocol];

/** How the chunks of a log become messages; undefined: there will be none, and the client has been told why. */
export function acceptLog(exchange: Asking): ((chunk: Uint8Array) => Uint8Array) | undefined {
  if (!isHandshake(exchange)) return undefined;
  const { offered } = exchange.webSocket;
  const protocol = offered.length === 0 ? "" : offered.find((each) => logProtocols.includes(each));
  if (protocol === undefined) {
    refuse(exchange, 403);
    return undefined;
  }
  const isBase64 = protocol === base64Protocol;
  exchange.webSocket.accept(protocol, isBase64);
  return isBase64 ? asBase64 : (chunk) => chunk;
}

const asBase64 = (chunk: Uint8Array): Uint8Array => Buffer.from(Buffer.from(chunk).toString("base64"));

const protocolVersion = "13";

function isHandshake(exchange: Exchange): boolean {
  if (!/^[+/0-9a-z]{22}==$/i.test(headerOf(exchange, "sec-websocket-key"))) {
    return refuse(exchange, 400, "mismatch challenge/response");
  }
  if (headerOf(exchange, "sec-websocket-version") === protocolVersion) return true;
  exchange.setHeader("sec-websocket-version", protocolVersion);
  return refuse(exchange, 400, "missing or bad WebSocket Version");
}

function refuse(exchange: Exchange, status: number, text = ""): false {
  exchange.send(status, ["content-length", String(text.length)], Buffer.from(text));
  return false;
}
