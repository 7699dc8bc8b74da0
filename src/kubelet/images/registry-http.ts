/** HTTP as registries speak it: redirects to storage, and tokens on demand. */
import * as http from "node:http";
import * as https from "node:https";
import { answerOf } from "#wire/answer-of.ts";
import { RuntimeError, type ImageAuth } from "../runtime/runtime.ts";
import type { TlsFiles } from "./registries.ts";

const redirectsMax = 5;
/** Without a byte for so long a registry is given up. */
const idleTimeoutMs = 60_000;
const tokenBytesMax = 1024 * 1024;

export interface RegistrySessionOptions {
  readonly tls: TlsFiles;
  readonly auth: ImageAuth | undefined;
}

/** One pull's conversation with one endpoint: keeps the token it was given. */
export class RegistrySession {
  readonly #options: RegistrySessionOptions;
  #authorization: string | undefined;

  constructor(options: RegistrySessionOptions) {
    this.#options = options;
  }

  /** The answer to a GET, whatever its status but 401: then it is authorized and asked again once. */
  async get(url: URL, accept: readonly string[], signal: AbortSignal): Promise<http.IncomingMessage> {
    const first = await this.#follow(url, accept, signal);
    const challenge = first.headers["www-authenticate"];
    if (first.statusCode !== 401 || challenge === undefined) return first;
    first.resume();
    this.#authorization = await this.#authorize(challenge, signal);
    return this.#follow(url, accept, signal);
  }

  async #follow(start: URL, accept: readonly string[], signal: AbortSignal): Promise<http.IncomingMessage> {
    let url = start;
    for (let count = 0; count <= redirectsMax; count++) {
      const isOwn = url.host === start.host && url.protocol === start.protocol;
      const headers = {
        ...(accept.length > 0 ? { accept: accept.join(", ") } : {}),
        // A storage server that gets our token besides its own signature refuses, and need not know it.
        ...(isOwn && this.#authorization !== undefined ? { authorization: this.#authorization } : {}),
      };
      const answer = await this.#request(url, headers, signal);
      const { location } = answer.headers;
      const status = answer.statusCode ?? 0;
      if (status < 300 || status > 399 || location === undefined) return answer;
      answer.resume();
      url = new URL(location, url);
    }
    throw new RuntimeError("unknown", `${start.href} redirects more than ${redirectsMax} times`);
  }

  #request(url: URL, headers: http.OutgoingHttpHeaders, signal: AbortSignal): Promise<http.IncomingMessage> {
    const isPlain = url.protocol === "http:";
    const options = { headers: { "user-agent": "mini-k8s", ...headers }, signal, timeout: idleTimeoutMs };
    const request = isPlain ? http.get(url, options) : https.get(url, { ...options, ...this.#options.tls });
    request.once("timeout", () => {
      request.destroy(new Error(`${url.host} did not answer for ${idleTimeoutMs} ms`));
    });
    return answerOf(request);
  }

  async #authorize(challenge: string, signal: AbortSignal): Promise<string> {
    const { scheme, parameters } = parseChallenge(challenge);
    const { auth } = this.#options;
    const basic =
      auth === undefined
        ? undefined
        : `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`;
    if (scheme === "basic") {
      if (basic === undefined) throw new RuntimeError("unknown", "no basic auth credentials");
      return basic;
    }
    const realm = parameters.get("realm");
    if (scheme !== "bearer" || realm === undefined) {
      throw new RuntimeError("unknown", `the registry asks for the unknown authorization ${challenge}`);
    }
    const url = new URL(realm);
    for (const name of ["service", "scope"]) {
      const value = parameters.get(name);
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const answer = await this.#request(url, basic === undefined ? {} : { authorization: basic }, signal);
    const body = await readBody(answer, tokenBytesMax);
    if (answer.statusCode !== 200) {
      throw new RuntimeError(
        "unknown",
        `failed to authorize: failed to fetch token: unexpected status from GET request to ${url.origin}${url.pathname}: ` +
          `${answer.statusCode ?? 0} ${answer.statusMessage ?? ""}`,
      );
    }
    const token = JSON.parse(body.toString()) as { token?: string; access_token?: string };
    return `Bearer ${token.token ?? token.access_token ?? ""}`;
  }
}

/** `Bearer realm="https://auth",service="r",scope="a:b:pull,push"` */
export function parseChallenge(text: string): { scheme: string; parameters: ReadonlyMap<string, string> } {
  const [, scheme = "", rest = ""] = /^\s*(\S+)\s*(.*)$/s.exec(text) ?? [];
  const parameters = new Map<string, string>();
  for (const [, name = "", quoted, bare] of rest.matchAll(/([\w-]+)=(?:"([^"]*)"|([^\s,"]+))/g)) {
    parameters.set(name.toLowerCase(), quoted ?? bare ?? "");
  }
  return { scheme: scheme.toLowerCase(), parameters };
}

export async function readBody(answer: http.IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new RuntimeError("unknown", `an answer of more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
