/**
 * A server that a kubeconfig file names, asked by a POST of JSON on connections that stay: audit, authentication and
 * authorization webhooks. The path is the kubeconfig's own. upstream: apiserver/pkg/util/webhook/webhook.go
 */
import {
  Agent as PlainAgent,
  request as plainRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { Agent, request as tlsRequest } from "node:https";
import { formatGoDuration } from "#api/meta/duration.ts";
import { ChildAbort } from "#base/abort.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { errorCode } from "#base/files.ts";
import type { ClientCertificate } from "#client/identity.ts";
import type { ClusterAccess } from "#client/kubeconfig.ts";
import { answerOf } from "#wire/answer-of.ts";
import { goErrorText } from "./go-errors.ts";
import { abortText, answerText, failureIn, valueOf } from "./hook-answer.ts";
import { identityCheck, noteFailure, trustIn, type CertificateFaults } from "./server-certificate.ts";

interface HookFailure {
  readonly status?: number | undefined;
  readonly mayPass?: boolean;
  readonly isLate?: boolean;
  readonly cause?: unknown;
}

const passingStatuses = new Set([429, 500, 504]);

/** It wasn't reached, or didn't take the question. */
export class KubeconfigHookError extends Error {
  override readonly name = "KubeconfigHookError";
  readonly code = "KUBECONFIG_HOOK";
  /** Of the answer; undefined when there was none. */
  readonly status: number | undefined;
  /** Another try may well succeed. upstream: DefaultShouldRetry */
  readonly mayPass: boolean;
  /** There was no answer in time. */
  readonly isLate: boolean;
  constructor(message: string, { status, mayPass = false, isLate, cause }: HookFailure = {}) {
    super(message, { cause });
    this.status = status;
    this.mayPass = mayPass;
    this.isLate = isLate ?? status === 504;
  }
}

export class KubeconfigHook {
  readonly #access: ClusterAccess;
  readonly #clock: Clock;
  readonly #url: URL;
  #faults: CertificateFaults | undefined;
  #agent: Agent | PlainAgent | undefined;
  #certificate: ClientCertificate | undefined;

  constructor(access: ClusterAccess, clock: Clock, faults?: CertificateFaults) {
    this.#access = access;
    this.#clock = clock;
    this.#faults = faults;
    this.#url = new URL(access.options.server);
  }

  /** The parsed answer; undefined when it is empty. Throws KubeconfigHookError. */
  async post(body: unknown, timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    const text = await this.#exchange(body, timeoutMs, signal);
    if (text === "") return undefined;
    try {
      return valueOf(text);
    } catch (error) {
      throw new KubeconfigHookError((error as Error).message, { cause: error });
    }
  }

  /** For who only wants to know that it was taken, whatever is answered. Throws KubeconfigHookError. */
  async tell(body: unknown, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    await this.#exchange(body, timeoutMs, signal);
  }

  /** The answer's text. */
  async #exchange(body: unknown, timeoutMs: number, signal: AbortSignal | undefined): Promise<string> {
    using deadline = new ChildAbort(signal ?? new AbortController().signal);
    const cancel = this.#clock.after(timeoutMs, () => {
      deadline.abort(new Error("context deadline exceeded"));
    });
    try {
      const url = this.#timedUrl(timeoutMs);
      const response = await this.#send(url, JSON.stringify(body), deadline.signal).catch(
        (error: unknown) => {
          throw this.#unreached(url, error, deadline.signal);
        },
      );
      return await takenText(response, deadline.signal);
    } catch (error) {
      if (error instanceof KubeconfigHookError) throw error;
      throw new KubeconfigHookError((error as Error).message, {
        isLate: deadline.signal.aborted && signal?.aborted !== true,
        cause: error,
      });
    } finally {
      cancel();
    }
  }

  /** From now on they are counted there. */
  countFaults(faults: CertificateFaults): void {
    this.#faults = faults;
  }

  close(): void {
    this.#agent?.destroy();
  }

  /** As client-go does it, it is told how long it has. */
  #timedUrl(timeoutMs: number): URL {
    const url = new URL(this.#url);
    url.searchParams.set("timeout", formatGoDuration(BigInt(timeoutMs) * 1_000_000n));
    return url;
  }

  #unreached(url: URL, error: unknown, signal: AbortSignal): Error {
    noteFailure(error, this.#faults);
    const text = signal.aborted
      ? abortText(signal)
      : goErrorText(error, this.#serverName, toRfc3339(this.#clock.now()));
    const message = `Post ${JSON.stringify(url.href)}: ${text}`;
    if (signal.aborted) return new Error(message, { cause: error });
    return new KubeconfigHookError(message, { mayPass: errorCode(error) === "ECONNRESET", cause: error });
  }

  async #send(url: URL, body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { bearerToken, certificate } = await this.#access.identity.identity();
    const bytes = Buffer.from(body, "utf8");
    const options: RequestOptions = {
      method: "POST",
      signal,
      agent: this.#agentFor(certificate),
      headers: {
        accept: "application/json, */*",
        "content-type": "application/json",
        "content-length": bytes.length,
        ...(bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` }),
      },
    };
    const request = url.protocol === "http:" ? plainRequest : tlsRequest;
    const outgoing = request(url, options);
    const answered = answerOf(outgoing);
    outgoing.end(bytes);
    return answered;
  }

  /** Another certificate means other connections. */
  #agentFor(certificate: ClientCertificate | undefined): Agent | PlainAgent {
    if (this.#agent !== undefined && this.#certificate?.cert === certificate?.cert) return this.#agent;
    this.#agent?.destroy();
    this.#certificate = certificate;
    const { certificateAuthority, serverName, isUnverified } = this.#access.options;
    this.#agent =
      this.#url.protocol === "http:"
        ? new PlainAgent({ keepAlive: true })
        : new Agent({
            keepAlive: true,
            ...trustIn(certificateAuthority),
            ...(serverName === undefined ? {} : { servername: serverName }),
            rejectUnauthorized: isUnverified !== true,
            checkServerIdentity: (host, presented) => identityCheck(this.#faults)(host, presented),
            ...certificate,
          });
    return this.#agent;
  }

  get #serverName(): string {
    return this.#access.options.serverName ?? this.#url.hostname.replace(/^\[(.*)\]$/, "$1");
  }
}

/** Of an answer that isn't a refusal. */
async function takenText(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const text = await answerText(response, signal);
  const { statusCode: status = 0, headers } = response;
  const failure = failureIn(response, text);
  if (failure === undefined) return text;
  const mayPass = passingStatuses.has(status) || headers["retry-after"] !== undefined;
  throw new KubeconfigHookError(failure, { status, mayPass });
}
