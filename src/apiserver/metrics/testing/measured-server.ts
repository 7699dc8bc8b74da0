/** A test server, what is sent to it, and what its metrics say then. */
import assert from "node:assert/strict";
import type { ApiserverDeps } from "#apiserver/component.ts";
import { systemClock } from "#base/clock.ts";
import { FuzzClient, type HttpAnswer } from "#testing/fuzz/http-case.ts";
import { startTestServer, type TestServer } from "#testing/server.ts";

type Labels = Readonly<Record<string, string>>;

/** The sum of all series of that name that have these labels; 0 where there is none. */
export function valueIn(text: string, name: string, labels: Labels = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((each) => line.includes(`{${each}`) || line.includes(`,${each}`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

export class MeasuredServer implements AsyncDisposable {
  readonly server: TestServer;
  readonly #client: FuzzClient;

  private constructor(server: TestServer) {
    this.server = server;
    this.#client = new FuzzClient(server, systemClock);
  }

  static async start(deps: Partial<ApiserverDeps> = {}): Promise<MeasuredServer> {
    return new MeasuredServer(await startTestServer(deps));
  }

  /** `body` is sent as JSON. */
  async send(method: string, path: string, body?: object, type = "application/json"): Promise<HttpAnswer> {
    const bytes = Buffer.from(body === undefined ? "" : JSON.stringify(body), "utf8");
    const answer = await this.#client.send(
      { method, path, headers: { "content-type": type }, body: bytes },
      "h1",
    );
    assert.ok(answer !== undefined);
    return answer;
  }

  async text(path = "/metrics"): Promise<string> {
    return (await this.send("GET", path)).body.toString("utf8");
  }

  async value(name: string, labels: Labels = {}): Promise<number> {
    return valueIn(await this.text(), name, labels);
  }

  /** How much more there is of it after `run`. */
  async growth(name: string, labels: Labels, run: () => Promise<unknown>): Promise<number> {
    const before = await this.value(name, labels);
    await run();
    return (await this.value(name, labels)) - before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.server.close();
  }
}
