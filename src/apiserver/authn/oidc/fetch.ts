/** Asks an issuer, or a source of claims, for something small. */
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { ChildAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { trustIn } from "#apiserver/connect/server-certificate.ts";
import { answerOf } from "#wire/answer-of.ts";

export interface FetchOptions {
  /** Undefined: the authorities that this machine trusts. */
  readonly caPem: string | undefined;
  readonly bearerToken?: string | undefined;
}

export interface Fetched {
  readonly status: number;
  readonly body: string;
}

const timeoutMs = 30_000;
const bytesMax = 1 << 20;
const redirections = [301, 302, 303, 307, 308];
const redirectionsMax = 10;

/** As Go's client follows redirections, and keeps the token from other hosts. Rejects when there is no answer in time, or a long one. */
export async function fetchText(url: string, options: FetchOptions, clock: Clock): Promise<Fetched> {
  using deadline = new ChildAbort(new AbortController().signal);
  const cancel = clock.after(timeoutMs, () => {
    deadline.abort(new Error(`no answer within ${timeoutMs} ms`));
  });
  try {
    let [at, { bearerToken }] = [url, options];
    for (let hops = 0; hops < redirectionsMax; hops++) {
      const response = await get(at, { ...options, bearerToken }, deadline.signal);
      const { statusCode: status = 0, headers } = response;
      if (!redirections.includes(status) || headers.location === undefined) {
        return { status, body: await limited(response) };
      }
      response.resume();
      const next = new URL(headers.location, at);
      if (next.host !== new URL(at).host) bearerToken = undefined;
      at = next.href;
    }
    throw new Error(`stopped after ${redirectionsMax} redirects`);
  } finally {
    cancel();
  }
}

function get(
  url: string,
  { caPem, bearerToken }: FetchOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const headers = bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` };
  const ask = new URL(url).protocol === "http:" ? httpGet : httpsGet;
  return answerOf(ask(url, { signal, agent: false, headers, ...trustIn(caPem) }));
}

async function limited(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bytesMax) throw new Error(`the answer is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
