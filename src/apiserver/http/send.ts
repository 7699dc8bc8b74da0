/** What every kind of answer is sent with. upstream: apiserver/pkg/endpoints/handlers/responsewriters/writers.go */
import type { Clock } from "#base/clock.ts";
import type { ChunkPool } from "./chunk-pool.ts";
import { acceptsGzip, compressed, compressedMinBytes } from "./compression.ts";
import { headerOf, type Exchange, type HeaderPairs } from "./exchange.ts";
import type { Shape } from "./shape.ts";
import { warningHeaders } from "./warnings.ts";

export interface Response {
  readonly exchange: Exchange;
  readonly shape: Shape;
  readonly warnings: ReadonlySet<string> | undefined;
  /** Of a watch: where the sizes of its events are counted. */
  readonly events?: { observe(bytes: number): void } | undefined;
  /** Of a watch that begins as a list: all of that has been told. */
  readonly listed?: (() => void) | undefined;
  /** Of bytes that come from elsewhere without an end: ends them well when it aborts. */
  readonly over?: AbortSignal | undefined;
}

export interface ResponseDeps {
  readonly clock: Clock;
  readonly chunks: ChunkPool;
}

/** Compressed where it is long. Undefined when it is out. */
export function send(response: Response, status: number, body: Buffer): Promise<void> | undefined {
  if (body.length < compressedMinBytes || !takesGzip(response)) {
    sendBody(response, status, body);
    return undefined;
  }
  return compressed(body).then((bytes) => {
    sendBody(response, status, bytes, gzipHeaders);
  });
}

export const takesGzip = ({ exchange }: Response): boolean =>
  acceptsGzip(headerOf(exchange, "accept-encoding"));
export const isHead = ({ exchange }: Response): boolean => exchange.method === "HEAD";

export function sendBody(
  response: Response,
  status: number,
  body: Buffer,
  more: HeaderPairs = noHeaders,
): void {
  const headers = [
    "content-type",
    response.shape.contentType(false),
    "content-length",
    String(body.length),
    ...caching,
    ...more,
  ];
  addWarnings(response);
  response.exchange.send(status, headers, isHead(response) ? undefined : body);
}

export const noBytes = Buffer.alloc(0);
export const noHeaders: HeaderPairs = [];
export const gzipHeaders: HeaderPairs = ["content-encoding", "gzip", "vary", "Accept-Encoding"];
export const caching: HeaderPairs = ["cache-control", "no-cache, private"];

export function addWarnings({ exchange, warnings }: Response): void {
  if (warnings === undefined) return;
  const values = warningHeaders(warnings);
  if (values.length > 0) exchange.setHeader("warning", values);
}
