/**
 * What a webhook answered, read as client-go does: JSON or YAML, whatever it is called.
 * upstream: client-go/rest/request.go (transformResponse, Result.Into), apimachinery/pkg/runtime/serializer/recognizer
 */
import type { IncomingMessage } from "node:http";
import { DecodeError } from "#api/codec/decode-error.ts";
import { parseJson } from "#api/codec/json-text.ts";
import { claimFault, claimInValue } from "#api/codec/kind-claim.ts";
import { parseYaml } from "#api/codec/yaml.ts";
import { goErrorText, statusText } from "./go-errors.ts";

/** The webhook wasn't reached, or what it said is no JSON. The message is what Go's client would say. */
export class HookCallError extends Error {
  override readonly name = "HookCallError";
  readonly code = "HOOK_CALL";
}

const answerBytesMax = 16 * 1024 * 1024;

/** upstream: client-go/rest/with_retry.go checkWait. Undefined: it isn't to be asked again. */
export function retryAfterMs({ statusCode = 0, headers }: IncomingMessage): number | undefined {
  const isBusy = statusCode === 429 || (statusCode >= 500 && statusCode < 600);
  const seconds = headers["retry-after"] ?? "";
  return isBusy && /^[+-]?\d+$/.test(seconds) ? Math.max(Number(seconds), 0) * 1000 : undefined;
}

/** The parsed answer. `signal`: its reason is what Go says when the time is over. Throws HookCallError. */
export async function readAnswer(response: IncomingMessage, signal: AbortSignal): Promise<unknown> {
  const text = await answerText(response, signal);
  const failure = failureIn(response, text);
  if (failure !== undefined) throw new HookCallError(failure);
  if (text !== "") return valueOf(text);
  const { statusCode, headers } = response;
  const type = headers["content-type"] ?? "application/json";
  throw new HookCallError(`0-length response with status code: ${statusCode} and content type: ${type}`);
}

/** What its status says went wrong; undefined: nothing. */
export function failureIn({ statusCode = 0, headers }: IncomingMessage, text: string): string | undefined {
  if (statusCode >= 200 && statusCode <= 206) return undefined;
  return messageOfStatus(text) ?? statusText(statusCode, bodyText(text, headers["content-type"]));
}

/** Throws HookCallError. */
export function valueOf(text: string): unknown {
  const value = parse(text);
  const claim = claimInValue(value);
  if (typeof claim === "string") throw new HookCallError(claim);
  return value;
}

/** Throws HookCallError. */
export async function answerText(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > answerBytesMax) {
        response.destroy();
        throw new HookCallError(`the answer is longer than ${answerBytesMax} bytes`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof HookCallError) throw error;
    const isCut = response.complete || !response.destroyed ? undefined : "unexpected EOF";
    const why = signal.aborted ? abortText(signal) : (isCut ?? goErrorText(error, "", ""));
    throw new HookCallError(
      `unexpected error when reading response body. Please retry. Original error: ${why}`,
      { cause: error },
    );
  }
  return Buffer.concat(chunks).toString("utf8");
}

export const abortText = ({ reason }: AbortSignal): string =>
  reason instanceof Error && reason.message === "context deadline exceeded"
    ? reason.message
    : "context canceled";

function parse(text: string): unknown {
  const isJson = text.trimStart().startsWith("{");
  try {
    return isJson ? parseJson(text) : parseYaml(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new HookCallError(isJson ? claimFault(error.message) : error.message, { cause: error });
  }
}

/** Undefined: the answer is no Status of a failure. */
function messageOfStatus(text: string): string | undefined {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { kind, status, message } = value as { kind?: unknown; status?: unknown; message?: unknown };
  const isStatus = kind === "Status" && status === "Failure";
  return isStatus && typeof message === "string" && message !== "" ? message : undefined;
}

/** upstream: client-go isTextResponse */
const bodyText = (text: string, contentType = ""): string =>
  contentType === "" || contentType.startsWith("text/") ? text.trim() : "unknown";
