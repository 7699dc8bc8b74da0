/** A server, and requests of a cluster administrator to it over real connections. Only tests import it. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, type ClientHttp2Session, type OutgoingHttpHeaders } from "node:http2";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { buffer } from "node:stream/consumers";
import type { AnyObject } from "#api/meta/object.ts";
import { startTestServer, type TestServer } from "./server.ts";

export interface Got {
  readonly status: number;
  /** Over HTTP/1.1. */
  readonly statusText?: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

export const parsed = ({ body }: Got): AnyObject => JSON.parse(body.toString("utf8")) as AnyObject;

interface DoorClient {
  readonly server: TestServer;
  readonly admin: ReturnType<TestServer["certificate"]>;
  readonly session: ClientHttp2Session;
  /** By HTTP/2, over the one session. */
  readonly h2: (
    method: string,
    path: string,
    headers?: OutgoingHttpHeaders,
    body?: Uint8Array | string,
  ) => Promise<Got>;
  /** By HTTP/1.1, over a connection of its own, as whoever the options say. */
  readonly h1: (options: RequestOptions, body?: string) => Promise<Got>;
  readonly close: () => Promise<void>;
}

export async function openDoor(
  ofServer: Parameters<typeof startTestServer>[1] = {},
  deps: Parameters<typeof startTestServer>[0] = {},
): Promise<DoorClient> {
  const server = await startTestServer(deps, ofServer);
  const admin = server.certificate("admin", ["system:masters"]);
  const session = connect(server.url, { ca: server.caPem, cert: admin.certificatePem, key: admin.keyPem });
  return {
    server,
    admin,
    session,
    h2: async (method, path, headers = {}, body) => {
      const stream = session.request({ ":method": method, ":path": path, ...headers });
      // Listened for before it can end: a busy machine may have it all at once.
      const bytes = buffer(stream);
      const head = once(stream, "response");
      stream.end(body);
      const [answer] = (await head) as [Record<string, unknown>];
      return { status: Number(answer[":status"]), headers: answer, body: await bytes };
    },
    h1: async (options, body) => {
      const request = httpsRequest({
        host: "127.0.0.1",
        port: server.port,
        ca: server.caPem,
        agent: false,
        ...options,
      });
      request.end(body);
      const [response] = (await once(request, "response")) as [IncomingMessage];
      const { statusCode: status = 0, statusMessage: statusText, headers } = response;
      return { status, statusText, headers, body: await buffer(response) };
    },
    close: async () => {
      session.close();
      await server.close();
    },
  };
}
