/**
 * What lies beside the API, with Hono's own means. Nothing else goes through Hono: it refuses paths by itself and without
 * a Status.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { assert } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import type { Exchange } from "./exchange.ts";
import type { Front } from "./front.ts";
import { NodeExchange } from "./node-exchange.ts";
import { BodyWriter } from "./writer.ts";

/** Routes that the supervisor adds beside the API. */
export type ApiserverApp = Hono<{ Bindings: { exchange: Exchange } }>;
export type ExtraRoutes = (app: ApiserverApp, front: Front) => void;

const withoutBody = new Set(["GET", "HEAD"]);

export class Beside {
  readonly #app: ApiserverApp = new Hono();
  readonly #paths: ReadonlySet<string>;
  readonly #clock: Clock;
  readonly #listener: ReturnType<typeof getRequestListener>;

  constructor(front: Front, clock: Clock, routes: ExtraRoutes | undefined) {
    const app = this.#app;
    this.#clock = clock;
    routes?.(app, front);
    this.#paths = new Set(app.routes.map(({ path }) => path));
    for (const path of this.#paths) assert(!/[:*]/.test(path), `${path} is not one path but a pattern`);
    app.all("*", async ({ env }) => {
      await front.handle(env.exchange);
      return RESPONSE_ALREADY_SENT;
    });
    this.#listener = getRequestListener(
      (request, env) => {
        const { incoming, outgoing } = env as { incoming: IncomingMessage; outgoing: ServerResponse };
        return app.fetch(request, { exchange: new NodeExchange(incoming, outgoing) });
      },
      { overrideGlobalObjects: true },
    );
  }

  has(url = "/"): boolean {
    const mark = url.indexOf("?");
    return this.#paths.has(mark < 0 ? url : url.slice(0, mark));
  }

  /** Of HTTP/1.1. */
  listen(incoming: IncomingMessage, outgoing: ServerResponse): void {
    void this.#listener(incoming, outgoing);
  }

  /** Of HTTP/2. */
  async answer(exchange: Exchange): Promise<void> {
    try {
      const response = await this.#app.fetch(requestOf(exchange), { exchange });
      if (response !== RESPONSE_ALREADY_SENT) await this.#send(exchange, response);
    } catch {
      // The client has left, or sees that the answer isn't whole.
      exchange.destroy();
    }
  }

  async #send(exchange: Exchange, response: Response): Promise<void> {
    const headers = [...response.headers].flat();
    if (response.body === null) {
      exchange.send(response.status, headers, undefined);
      return;
    }
    const writer = new BodyWriter(exchange, this.#clock);
    exchange.begin(response.status, headers);
    for await (const chunk of response.body as ReadableStream<Uint8Array>) await writer.write(chunk);
    writer.end();
  }
}

function requestOf(exchange: Exchange): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(exchange.headers)) {
    if (!name.startsWith(":") && typeof value === "string") headers.set(name, value);
  }
  const gone = new AbortController();
  exchange.onClose(() => {
    gone.abort();
  });
  const url = new URL(exchange.url, "https://localhost");
  const plain = { method: exchange.method, headers, signal: gone.signal };
  if (withoutBody.has(exchange.method)) return new Request(url, plain);
  const body = Readable.toWeb(exchange.incoming) as ReadableStream;
  return new Request(url, { ...plain, body, duplex: "half" });
}
