/** Raw requests whose refusals are answers, too: for tests that care what stands in either. Only tests import it. */
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import type { ApiRequest, Query, Transport } from "#client/client.ts";

export interface Answer<T = AnyObject> {
  readonly status: number;
  readonly body: T;
  /** None of a refusal. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer, or the Status of the failure. */
export async function call<T = AnyObject>(transport: Transport, request: ApiRequest): Promise<Answer<T>> {
  try {
    const { status, body, headers } = await transport.request(request);
    return { status, body: body as T, headers };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { status: error.code, body: error.status as unknown as T, headers: {} };
  }
}

const send =
  (method: ApiRequest["method"]) =>
  <T = AnyObject>(transport: Transport, path: string, body?: unknown, query?: Query): Promise<Answer<T>> =>
    call<T>(transport, {
      method,
      path,
      body,
      query,
      contentType: method === "PATCH" ? "application/merge-patch+json" : undefined,
    });

export const get = send("GET");
export const post = send("POST");
export const put = send("PUT");
export const merge = send("PATCH");
export const remove = send("DELETE");
