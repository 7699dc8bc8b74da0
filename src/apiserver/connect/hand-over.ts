/**
 * A connection of a client's handed over to a backend, once that has agreed to the other protocol. Until then not a byte of
 * what the client says after its request goes there: the backend takes us for ourselves, or for whom we name, and what came
 * after a refusal would be requests that nobody has authorized (CVE-2018-1002105).
 * upstream: apimachinery/pkg/util/proxy/upgradeaware.go (tryUpgrade)
 */
import { request, type IncomingMessage } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { failure, StatusError, unexplainedError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Answer, UpgradeRequest } from "#apiserver/request/call.ts";
import { dialMs, goText, hostOf, passes, tlsOptions, type Backend, type BackendDeps } from "./backend.ts";
import { tellRefusal } from "./refused-upgrade.ts";

/** Of a request that asks for another protocol there is no body: what follows is of that protocol. */
const bodyHeaders = new Set(["content-length", "transfer-encoding"]);

interface Agreed {
  readonly answer: IncomingMessage;
  /** What came with it, of the other protocol. */
  readonly head: Buffer;
}

export interface HandOverDeps extends BackendDeps {
  /** Tells the client of an answer that doesn't agree, instead of telling it as it is. */
  readonly refused?: ((answer: IncomingMessage) => Promise<void>) | undefined;
}

/**
 * Request and answer pass unchanged, and then all that follows in both directions; of a backend that refuses, what it says,
 * and nothing of ours. Throws StatusError 500 when it can't be reached, doesn't answer, or answers as if nothing else were asked,
 * and when the client leaves before: the backend's connection never outlives his.
 */
export async function handOver(
  backend: Backend,
  method: string,
  upgrade: UpgradeRequest,
  { clock, refused }: HandOverDeps,
): Promise<Answer> {
  const { socket, head } = upgrade;
  const left = new Error("the client is gone");
  if (socket.destroyed) throw unexplainedError(left.message);
  const peer = open(backend);
  // Whoever waits for it hears of it, and it closes; afterwards that is all there is to know.
  peer.on("error", () => undefined);
  const gone = (): void => {
    peer.destroy(left);
  };
  socket.once("close", gone);
  await dialled(peer, backend, clock);
  const asked = await ask(backend, method, peer, upgrade.rawHeaders).catch((error: unknown) => {
    peer.destroy();
    if (error instanceof StatusError) throw error;
    throw unexplainedError(goText(error, backend, clock), { cause: error });
  });
  if ("answer" in asked) {
    socket.write(headOf(asked.answer));
    socket.write(asked.head);
    peer.write(head);
    join(socket, peer);
    return { kind: "hijacked" };
  }
  const { statusCode = 0 } = asked;
  const isTold = refused !== undefined || statusCode >= 400;
  if (isTold) await (refused?.(asked) ?? tellRefusal(asked, socket, clock));
  peer.destroy();
  socket.off("close", gone);
  if (!isTold) throw invalidAnswer(statusCode);
  return { kind: "hijacked" };
}

const invalidAnswer = (status: number): Error =>
  unexplainedError(`invalid upgrade response: status code ${status}`);

/** An answer alone: it doesn't agree. */
function ask(
  backend: Backend,
  method: string,
  peer: Socket,
  rawHeaders: readonly string[],
): Promise<Agreed | IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      createConnection: () => peer,
      method,
      path: backend.target,
      headers: headersFor(backend, method, rawHeaders),
      setHost: false,
    });
    outgoing.once("upgrade", (answer, _peer, head) => {
      resolve({ answer, head });
    });
    outgoing.once("response", resolve);
    // Whatever else it would say.
    outgoing.once("information", ({ statusCode }) => {
      reject(invalidAnswer(statusCode));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** Names and values in turn. */
function headersFor(backend: Backend, method: string, rawHeaders: readonly string[]): string[] {
  const { host = hostOf(backend), ...rest } = backend.headers ?? {};
  const own = new Map(Object.entries(rest));
  const headers = ["Host", String(host)];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    const isTheirs = passes(name) && !own.has(name.toLowerCase()) && !bodyHeaders.has(name.toLowerCase());
    if (isTheirs) headers.push(name, withoutToken(name, rawHeaders[at + 1] ?? ""));
  }
  for (const [name, value] of own) {
    for (const each of typeof value === "string" ? [value] : value) headers.push(name, each);
  }
  return method === "GET" ? headers : [...headers, "Content-Length", "0"];
}

/** As it came. */
function headOf({ statusMessage = "", rawHeaders }: IncomingMessage): Buffer {
  const lines = [`HTTP/1.1 101 ${statusMessage}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    lines.push(`${rawHeaders[at] ?? ""}: ${rawHeaders[at + 1] ?? ""}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** The client's end is the backend's, too. */
function join(socket: Duplex, peer: Socket): void {
  socket.pipe(peer);
  peer.pipe(socket);
  peer.once("close", () => {
    // What the backend said last may still be on its way to the client.
    socket.end();
    // What he still says is for nobody, but before it is read his own end isn't noticed.
    socket.resume();
  });
}

/** Browsers bring their token as a WebSocket protocol; it stays here. */
function withoutToken(name: string, value: string): string {
  if (name.toLowerCase() !== "sec-websocket-protocol") return value;
  const protocols = value.split(",").map((each) => each.trim());
  return protocols.filter((each) => !each.startsWith("base64url.bearer.authorization.k8s.io.")).join(", ");
}

const open = ({ host, port, tls }: Backend): Socket =>
  tls === undefined
    ? connectTcp({ host, port })
    : connectTls({ host, port, ALPNProtocols: ["http/1.1"], ...tlsOptions(tls) });

function dialled(peer: Socket, backend: Backend, clock: Clock): Promise<void> {
  const { host, port, tls } = backend;
  return new Promise((resolve, reject) => {
    const cancel = clock.after(dialMs, () => {
      peer.destroy(new Error(`dial tcp ${host}:${port}: i/o timeout`));
    });
    const onError = (error: Error): void => {
      cancel();
      reject(dialFailure(error, backend, clock));
    };
    peer.once("error", onError);
    peer.once(tls === undefined ? "connect" : "secureConnect", () => {
      cancel();
      peer.off("error", onError);
      peer.setNoDelay(true);
      resolve();
    });
  });
}

/** upstream: apimachinery/pkg/util/proxy/dial.go */
const dialFailure = (error: Error, backend: Backend, clock: Clock): Error =>
  failure(
    { code: 500, reason: "", message: `error dialing backend: ${goText(error, backend, clock)}` },
    { cause: error },
  );
