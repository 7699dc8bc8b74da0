/** Damaged WebSocket frames and channel messages, thrown at our ends of exec and port-forward. A closed connection is an answer. */
import type { IncomingMessage } from "node:http";
import { duplexPair, type Duplex } from "node:stream";
import type { Clock } from "#base/clock.ts";
import { servePortForward } from "#wire/port-forward.ts";
import { serveRemoteCommand } from "#wire/remote-command.ts";
import type { Choice } from "./choice.ts";
import { goodFrames } from "./frame-cases.ts";
import { mutateBytes } from "./mutations.ts";

const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";

/** As a client sends it: whole and masked. */
function webSocketFrame(opcode: number, payload: Buffer, mask: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : 4);
  head.writeUInt8(0x80 | opcode, 0);
  head.writeUInt8(0x80 | Math.min(length, 126), 1);
  if (length >= 126) head.writeUInt16BE(length, 2);
  const masked = Buffer.from(payload);
  for (const [at, byte] of payload.entries()) masked[at] = byte ^ (mask[at % 4] ?? 0);
  return Buffer.concat([head, mask, masked]);
}

/** Of exec: input, sizes of a terminal, half-closes; and channels that there aren't. */
function channelMessage(choice: Choice): Buffer {
  const kind = choice.int(5);
  if (kind === 0) {
    return Buffer.from(`\u0004{"Width":${choice.hostileNumber()},"Height":${choice.int(99)}}`, "latin1");
  }
  if (kind === 1) return Buffer.from([255, choice.int(6)]);
  if (kind === 2) return Buffer.concat([Buffer.from([choice.int(8)]), choice.bytes(choice.int(300))]);
  if (kind === 3) return Buffer.from(`\0${choice.hostileText()}`, "utf8");
  return choice.bytes(choice.int(3));
}

function goodMessages(choice: Choice, isTunnel: boolean): Buffer {
  const parts: Buffer[] = [];
  for (let rest = 1 + choice.int(6); rest > 0; rest--) {
    const message = isTunnel ? goodFrames(choice) : channelMessage(choice);
    const isPlain = choice.chance(0.8);
    const opcode = isPlain ? opcodes.binary : choice.pick([1, 2, 8, 9, 10, 3, 0]);
    const payload = isPlain ? message : message.subarray(0, 120);
    parts.push(webSocketFrame(opcode, payload.subarray(0, 65_535), choice.bytes(4)));
  }
  if (choice.chance(0.3)) parts.push(webSocketFrame(opcodes.close, Buffer.from([3, 232]), choice.bytes(4)));
  return Buffer.concat(parts);
}

/** Resolves when our end has ended, as it must once its connection has. What it throws, nobody catches. */
export async function runChannelCase(choice: Choice, clock: Clock): Promise<void> {
  const [ours, theirs] = duplexPair();
  for (const each of [ours, theirs]) each.on("error", () => undefined);
  theirs.resume();
  const kind = choice.pick(["command", "ports", "tunnel"] as const);
  const protocols = {
    command: choice.pick(["v5.channel.k8s.io", "v4.channel.k8s.io", "v5.channel.k8s.io, v4.channel.k8s.io"]),
    ports: "v4.channel.k8s.io",
    tunnel: tunnelProtocol,
  };
  const offered = choice.chance(0.95) ? protocols[kind] : choice.hostileText();
  const port = choice.chance(0.9) ? "80" : encodeURIComponent(choice.hostileText().toWellFormed());
  const request = {
    method: "GET",
    url: `/x?port=${port}&port=443`,
    headers: {
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-version": "13",
      "sec-websocket-key": choice.bytes(16).toString("base64"),
      "sec-websocket-protocol": offered,
    },
  } as unknown as IncomingMessage;
  const good = goodMessages(choice, kind === "tunnel");
  const bytes = choice.chance(0.7) ? mutateBytes(good, choice) : good;
  // What comes with the upgrade, and what comes after it.
  const early = choice.chance(0.3) ? choice.int(bytes.length) : 0;
  const connection = { request, socket: ours, head: bytes.subarray(0, early) };
  const ended =
    kind === "command" ? serveCommand(choice, clock, connection) : servePorts(choice, clock, connection);
  for (let at = early; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + choice.int(400));
    if (!theirs.destroyed) theirs.write(bytes.subarray(at, end));
    at = end;
  }
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  theirs.destroy();
  ours.destroy();
  await ended;
}

interface Connection {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

async function serveCommand(choice: Choice, clock: Clock, connection: Connection): Promise<void> {
  const tty = choice.chance(0.5);
  const options = { stdin: choice.chance(0.8), stdout: true, stderr: !tty, tty };
  const streams = await serveRemoteCommand(connection, options, clock);
  if (streams === undefined) return;
  const { stdin, stdout } = streams;
  if (stdin !== undefined && stdout !== undefined && choice.chance(0.7)) stdin.pipe(stdout);
  streams.onResize(() => undefined);
  if (choice.chance(0.4)) {
    await Promise.race([streams.finish({ kind: "Status", status: "Success" }), streams.closed]);
  }
  await streams.closed;
}

async function servePorts(choice: Choice, clock: Clock, connection: Connection): Promise<void> {
  const forward = await servePortForward(
    connection,
    (forwarded) => {
      const { data } = forwarded;
      data.on("error", () => undefined);
      if (choice.chance(0.6)) data.pipe(data);
      else if (choice.chance(0.5)) forwarded.fail("refused");
    },
    clock,
  );
  if (choice.chance(0.2)) forward?.close();
  await forward?.closed;
}
