/** The gRPC health check, spoken over plain HTTP/2. upstream: pkg/probe/grpc/grpc.go; protocol: grpc.health.v1.Health/Check */
import { connect } from "node:http2";
import type { Clock } from "#base/clock.ts";
import { errorText } from "#base/log.ts";

export interface GrpcAnswer {
  readonly isServing: boolean;
  /** What users see when it isn't. */
  readonly text: string;
}

export type GrpcHealth = (origin: string, service: string, timeoutMs: number) => Promise<GrpcAnswer>;

const servingStatus = 1;
const replyBytesMax = 64 * 1024;
const statusNames = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/** HealthCheckRequest { string service = 1 } behind gRPC's five-byte prefix. */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** HealthCheckResponse { ServingStatus status = 1 }; undefined when it is no such message. */
export function decodeStatus(reply: Buffer): number | undefined {
  if (reply.length < 5 || reply[0] !== 0) return undefined;
  const message = reply.subarray(5, 5 + reply.readUInt32BE(1));
  if (message.length === 0) return 0;
  return message[0] === 0x08 ? message[1] : undefined;
}

export function createGrpcHealth(clock: Clock): GrpcHealth {
  return async (origin, service, timeoutMs) => {
    const session = connect(origin);
    const result = Promise.withResolvers<GrpcAnswer>();
    const fail = (text: string): void => {
      result.resolve({ isServing: false, text });
    };
    const address = origin.slice("http://".length);
    const cancel = clock.after(timeoutMs, () => {
      fail(
        `timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s: context deadline exceeded`,
      );
    });
    session.once("error", (error) => {
      fail(`error: failed to connect service "${address}": ${errorText(error)}`);
    });
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
      "user-agent": "kube-probe/1.35",
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let grpcStatus = "";
    const readStatus = (headers: Readonly<Record<string, unknown>>): void => {
      const value = headers["grpc-status"];
      if (typeof value === "string") grpcStatus = value;
    };
    stream.on("response", readStatus);
    stream.on("trailers", readStatus);
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= replyBytesMax) chunks.push(chunk);
    });
    stream.once("error", (error) => {
      fail(`error: health rpc failed: ${errorText(error)}`);
    });
    stream.once("end", () => {
      result.resolve(answerOf(grpcStatus, decodeStatus(Buffer.concat(chunks))));
    });
    stream.end(encodeRequest(service));
    try {
      return await result.promise;
    } finally {
      cancel();
      session.destroy();
    }
  };
}

function answerOf(grpcStatus: string, status: number | undefined): GrpcAnswer {
  if (grpcStatus === "12") {
    return {
      isServing: false,
      text: "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)",
    };
  }
  if (grpcStatus !== "" && grpcStatus !== "0") {
    return { isServing: false, text: `error: health rpc failed: code = ${grpcStatus}` };
  }
  if (status === servingStatus) return { isServing: true, text: "service healthy" };
  const name = status === undefined ? "UNKNOWN" : (statusNames[status] ?? "UNKNOWN");
  return { isServing: false, text: `service unhealthy (responded with "${name}")` };
}
