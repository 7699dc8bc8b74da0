/** The API as raw requests, for tests that care what stands in an answer; and watches that keep what they saw. */
import { request, type RequestOptions } from "node:https";
import type { IncomingHttpHeaders } from "node:http";
import { KubeConfig } from "@kubernetes/client-node";
import { eventually } from "../wait.ts";

export type Json = Record<string, unknown>;

export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
}

export interface Sent {
  /** A text goes as it is. */
  readonly body?: Json | string;
  readonly type?: string;
  readonly accept?: string;
}

/** A part of an object, by its dotted path; undefined where there is none. */
export function at(object: unknown, path: string): unknown {
  let here = object;
  for (const step of path.split(".")) here = (here as Json | undefined)?.[step];
  return here;
}

/** "" where there is no text. */
export function textAt(object: unknown, path: string): string {
  const found = at(object, path);
  return typeof found === "string" ? found : "";
}

/** Who a request is made as, instead of whom its credentials name. */
export interface Impersonated {
  readonly user: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

type Target = Omit<RequestOptions, "headers"> & {
  readonly headers?: Readonly<Record<string, string | string[]>>;
};

export class ApiClient {
  readonly #options: Target;

  private constructor(options: Target) {
    this.#options = options;
  }

  static async of(kubeconfig: string): Promise<ApiClient> {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const server = new URL(config.getCurrentCluster()?.server ?? "");
    const options: RequestOptions = { host: server.hostname, port: server.port };
    await config.applyToHTTPSOptions(options);
    const { headers: _, ...rest } = options;
    return new ApiClient(rest);
  }

  /** The same server, as whoever the token says. */
  withToken(token: string): ApiClient {
    const { host, port, ca } = this.#options;
    return new ApiClient({ host, port, ca, headers: { authorization: `Bearer ${token}` } });
  }

  /** The same server and credentials, in the name of another. */
  as({ user, uid, groups = [], extra = {} }: Impersonated): ApiClient {
    const headers = {
      "impersonate-user": user,
      "impersonate-group": [...groups],
      ...(uid === undefined ? {} : { "impersonate-uid": uid }),
      ...Object.fromEntries(
        Object.entries(extra).map(([key, values]) => [`impersonate-extra-${key}`, [...values]]),
      ),
    };
    return new ApiClient({ ...this.#options, headers });
  }

  call(
    method: string,
    path: string,
    { body, type = "application/json", accept }: Sent = {},
  ): Promise<Answer> {
    const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const headers = {
      ...this.#options.headers,
      ...(text === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(text) }),
      ...(accept === undefined ? {} : { accept }),
    };
    return new Promise((done, reject) => {
      const asked = request({ ...this.#options, method, path, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          const said = Buffer.concat(chunks).toString();
          const isJson = answer.headers["content-type"]?.startsWith("application/json") === true;
          done({
            code: answer.statusCode ?? 0,
            text: said,
            headers: answer.headers,
            body: isJson ? (JSON.parse(said) as Json) : {},
          });
        });
      });
      asked.on("error", reject);
      asked.end(text);
    });
  }

  /** Throws what a refusal says. */
  async must(method: string, path: string, sent?: Sent): Promise<Json> {
    const { code, text, body } = await this.call(method, path, sent);
    if (code >= 300) throw new Error(`${method} ${path}: ${code} ${text.slice(0, 1000)}`);
    return body;
  }

  get(path: string): Promise<Json> {
    return this.must("GET", path);
  }

  create(path: string, body: Json): Promise<Json> {
    return this.must("POST", path, { body });
  }

  merge(path: string, body: Json): Promise<Json> {
    return this.must("PATCH", path, { body, type: "application/merge-patch+json" });
  }

  strategic(path: string, body: Json): Promise<Json> {
    return this.must("PATCH", path, { body, type: "application/strategic-merge-patch+json" });
  }

  update(path: string, body: Json): Promise<Json> {
    return this.must("PUT", path, { body });
  }

  /** Resolves when the server has answered: from then on nothing is missed. */
  watch(path: string): Promise<Watching> {
    return new Promise((done, reject) => {
      const asked = request({ ...this.#options, method: "GET", path }, (answer) => {
        const watching = new Watching(() => asked.destroy());
        let rest = "";
        answer.on("data", (chunk: Buffer) => {
          const lines = (rest + chunk.toString()).split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) watching.take(JSON.parse(line) as WatchedEvent);
        });
        answer.on("error", () => undefined); // it was left
        done(watching);
      });
      asked.on("error", reject);
      asked.end();
    });
  }
}

export interface WatchedEvent {
  readonly type: string;
  readonly object: Json;
}

export class Watching implements Disposable {
  readonly events: WatchedEvent[] = [];
  readonly #leave: () => void;
  constructor(leave: () => void) {
    this.#leave = leave;
  }

  take(event: WatchedEvent): void {
    this.events.push(event);
  }

  /** "TYPE name", of all so far. */
  seen(): string[] {
    return this.events.map(({ type, object }) => `${type} ${textAt(object, "metadata.name")}`);
  }

  /** Waits for so many events, and tells them. */
  async until(count: number): Promise<string[]> {
    await eventually(`${count} events, have ${this.seen().join()}`, 10_000, () =>
      Promise.resolve(this.events.length >= count),
    );
    return this.seen();
  }

  [Symbol.dispose](): void {
    this.#leave();
  }
}
