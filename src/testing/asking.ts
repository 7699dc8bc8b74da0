/** Requests of a client that says exactly what the test wants, over HTTP/1.1. */
import { once } from "node:events";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request } from "node:https";
import { buffer } from "node:stream/consumers";
import type { KeyPair } from "#pki/ca.ts";

export interface Got {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** Undefined: nobody. */
  readonly as?: KeyPair | undefined;
}

export const asking =
  ({ port, caPem: ca }: { readonly port: number; readonly caPem: string }, user?: KeyPair) =>
  async (path: string, { method, headers, body, as = user }: Asked = {}): Promise<Got> => {
    const credentials = as === undefined ? {} : { cert: as.certificatePem, key: as.keyPem };
    const target = { host: "127.0.0.1", port, path, ca, agent: false };
    const sent = request({ ...target, ...credentials, method, headers });
    sent.end(body);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    const text = (await buffer(response)).toString("utf8");
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  };
