/** One request of a fuzz run, and how it is sent over real connections. */
import { once } from "node:events";
import { connect, constants, type ClientHttp2Session } from "node:http2";
import { Agent, request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import type { Clock } from "#base/clock.ts";
import type { TestServer } from "#testing/server.ts";

export interface HttpCase {
  readonly method: string;
  /** With the query, as it goes on the wire. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  /** Cut off by us: a watch, or a list longer than one wants to read. */
  readonly isCut: boolean;
}

/** The server gave no answer: it hangs, or closed the connection without a word. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
  readonly code = "NO_ANSWER";
}

const answerMaxMs = 30_000;
/** Answers that go on, such as watches, are read for that long. */
const followMs = 60;
const bodyBytesMax = 8 << 20;

export class FuzzClient {
  readonly #server: TestServer;
  readonly #clock: Clock;
  readonly #credentials: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  #session: ClientHttp2Session | undefined;

  constructor(server: TestServer, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
    const { certificatePem: cert, keyPem: key } = server.certificate("fuzz", ["system:masters"]);
    this.#credentials = { ca: server.caPem, cert, key };
  }

  /** Undefined: Node's own client refuses to send that. Throws NoAnswerError. */
  async send(one: HttpCase, over: "h1" | "h2"): Promise<HttpAnswer | undefined> {
    const late = Promise.withResolvers<never>();
    const cancel = this.#clock.after(answerMaxMs, () => {
      late.reject(new NoAnswerError(`no answer within ${answerMaxMs} ms`));
    });
    try {
      const answer = over === "h2" ? this.#overH2(one) : this.#overH1(one);
      answer.catch(() => undefined);
      return await Promise.race([answer, late.promise]);
    } catch (error) {
      if (isRefusedByClient(error)) return undefined;
      if (error instanceof NoAnswerError) throw error;
      throw new NoAnswerError(String(error), { cause: error });
    } finally {
      cancel();
    }
  }

  close(): void {
    this.#session?.destroy();
    this.#agent.destroy();
  }

  async #overH2({ method, path, headers, body }: HttpCase): Promise<HttpAnswer> {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = connect(this.#server.url, this.#credentials);
      this.#session.on("error", () => undefined);
    }
    const endStream = body.length === 0;
    const stream = this.#session.request({ ":method": method, ":path": path, ...headers }, { endStream });
    stream.on("error", () => undefined);
    if (!endStream) stream.end(body);
    // Read from the start: an answer that is complete before anybody reads it is lost.
    const [[head], read] = await Promise.all([
      once(stream, "response") as Promise<[Record<string, unknown>]>,
      this.#read(stream, path),
    ]);
    // Closed without an error it would wait for the rest, and the server keep it.
    if (read.isCut) stream.close(constants.NGHTTP2_CANCEL);
    return { status: Number(head[":status"]), headers: head, ...read };
  }

  async #overH1({ method, path, headers, body }: HttpCase): Promise<HttpAnswer> {
    const { port } = this.#server;
    const request = httpsRequest({
      host: "127.0.0.1",
      port,
      agent: this.#agent,
      method,
      path,
      // Node leaves it out for GET and DELETE, and sends the body all the same.
      headers: body.length === 0 ? headers : { ...headers, "content-length": String(body.length) },
      ...this.#credentials,
    });
    request.on("error", () => undefined);
    request.end(body);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.on("error", () => undefined);
    const read = await this.#read(response, path);
    if (read.isCut) response.destroy();
    return { status: response.statusCode ?? 0, headers: response.headers, ...read };
  }

  #read(source: NodeJS.ReadableStream, path: string): Promise<Pick<HttpAnswer, "body" | "isCut">> {
    const done = Promise.withResolvers<Pick<HttpAnswer, "body" | "isCut">>();
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (isCut: boolean): void => {
      cancel();
      done.resolve({ body: Buffer.concat(chunks), isCut });
    };
    const cancel = /watch|follow/i.test(path)
      ? this.#clock.after(followMs, () => {
          settle(true);
        })
      : () => undefined;
    source.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > bodyBytesMax) settle(true);
    });
    source.once("end", () => {
      settle(false);
    });
    source.once("close", () => {
      done.reject(new NoAnswerError("the answer was broken off"));
    });
    return done.promise;
  }
}

function isRefusedByClient(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? "";
  return (
    code.startsWith("ERR_INVALID") ||
    code === "ERR_UNESCAPED_CHARACTERS" ||
    code === "ERR_HTTP2_INVALID_PSEUDOHEADER" ||
    code.startsWith("ERR_HTTP2_CONNECT")
  );
}

/** For a person to send it again. */
export function reproduction({ method, path, headers, body }: HttpCase): string {
  const shown = body.toString("utf8");
  const isText = Buffer.from(shown, "utf8").equals(body);
  const lines = [
    `${method} ${path}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
    isText ? shown.slice(0, 4000) : `base64 ${body.toString("base64").slice(0, 6000)}`,
  ];
  return lines.join("\n  ");
}
