/**
 * What a backend says that doesn't go over to another protocol, told to the client as it says it, over the connection that
 * he wanted to have handed over, which ends with it. upstream: apimachinery/pkg/util/proxy/upgradeaware.go (tryUpgrade), Go's net/http/response.go (Write)
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "#base/clock.ts";
import { drained } from "./backend.ts";

/** For all of it, to be said and to be heard. */
const refusalMs = 10_000;

/** Where the body ends is said anew. */
const framingHeaders = new Set(["content-length", "transfer-encoding", "trailer"]);

interface Framing {
  readonly headers: readonly string[];
  readonly piece: (bytes: Buffer) => Buffer;
  readonly last: () => string;
}

/** Resolves when the client has been told, as much as there is in time. Whoever calls ends the backend's connection. */
export async function tellRefusal(answer: IncomingMessage, socket: Duplex, clock: Clock): Promise<void> {
  const cancel = clock.after(refusalMs, () => {
    answer.destroy();
    if (socket.writableLength > 0) socket.destroy();
  });
  try {
    const { headers, piece, last } = framingOf(answer);
    socket.write(headOf(answer, headers), "latin1");
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (socket.destroyed) return;
      if (!socket.write(piece(chunk))) await drained(socket);
    }
    socket.end(last(), "latin1");
    await closed(socket);
  } catch {
    // It has broken off: so the client sees it do, after what it did say.
    socket.end();
  } finally {
    cancel();
    // What he still says is for nobody, but before it is read his own end isn't noticed.
    socket.resume();
  }
}

function framingOf(answer: IncomingMessage): Framing {
  const { headers, rawTrailers, httpVersion } = answer;
  if (/\bchunked\b/i.test(headers["transfer-encoding"] ?? "") && httpVersion === "1.1") {
    const { trailer } = headers;
    return {
      headers: ["Transfer-Encoding: chunked", ...(trailer === undefined ? [] : [`Trailer: ${trailer}`])],
      piece: (bytes) => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, lineEnd]),
      last: () => `0\r\n${trailer === undefined ? "" : linesOf(rawTrailers, none)}\r\n`,
    };
  }
  const length = headers["content-length"];
  const isClosing = /\bclose\b/i.test(headers.connection ?? "");
  return {
    headers: length === undefined ? (isClosing ? [] : ["Connection: close"]) : [`Content-Length: ${length}`],
    piece: (bytes) => bytes,
    last: () => "",
  };
}

const lineEnd = Buffer.from("\r\n");
const none: ReadonlySet<string> = new Set();

function headOf(
  { httpVersion, statusCode = 0, statusMessage = "", rawHeaders }: IncomingMessage,
  framing: readonly string[],
): string {
  const lines = framing.map((line) => `${line}\r\n`).join("");
  return `HTTP/${httpVersion} ${statusCode} ${statusMessage}\r\n${lines}${linesOf(rawHeaders, framingHeaders)}\r\n`;
}

function linesOf(pairs: readonly string[], without: ReadonlySet<string>): string {
  let lines = "";
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const name = pairs[at] ?? "";
    if (!without.has(name.toLowerCase())) lines += `${name}: ${pairs[at + 1] ?? ""}\r\n`;
  }
  return lines;
}

/** All of it has gone out, or nobody is there. */
const closed = (socket: Duplex): Promise<void> =>
  new Promise((resolve) => {
    if (socket.writableFinished || socket.destroyed) resolve();
    else for (const end of ["finish", "close"]) socket.once(end, resolve);
  });
