/** A client of the API for benchmarks: one HTTP/2 connection, nothing decoded, so that it takes little of the machine. */
import { Http2Client, type AnswerReader, type Http2Request } from "./http2-client.ts";
import type { ServerProcess } from "./server.ts";

export const podsPath = "/api/v1/namespaces/default/pods";
const readyMs = 10_000;

/** Some 2.7 KB. Nobody schedules it: the figure is the create's alone. */
export function podNamed(name: string): string {
  const env = Array.from({ length: 20 }, (_, i) => ({ name: `SETTING_${i}`, value: `value-${i}`.repeat(4) }));
  const labels = { app: "bench", tier: "backend", "app.kubernetes.io/name": "bench" };
  const probe = { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 5 };
  const resources = { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } };
  const container = {
    name: "main",
    image: "registry.example/bench:1.2.3",
    env,
    resources,
    readinessProbe: probe,
  };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels, annotations: { "example.com/note": "n".repeat(600) } },
    spec: { schedulerName: "nobody", containers: [container, { ...container, name: "side", env: [] }] },
  });
}

export type ApiRequest = Http2Request;

export class ApiClient implements Disposable {
  readonly #http: Http2Client;

  private constructor(http: Http2Client) {
    this.#http = http;
  }

  /** Resolves when pods can be created in the namespace default: its service account is made by a controller. */
  static async connect(server: Pick<ServerProcess, "port" | "credentials">): Promise<ApiClient> {
    const target = { port: server.port, ...(await server.credentials()) };
    const client = new ApiClient(await Http2Client.connect(target));
    const deadline = performance.now() + readyMs;
    const body = podNamed("warm-up");
    while ((await client.status({ method: "POST", path: podsPath, body })) === 403) {
      if (performance.now() > deadline) throw new Error("pods can't be created in namespace default");
    }
    return client;
  }

  /** The answer's status, once all of it has come. */
  status(request: ApiRequest): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#http.request(request, new WholeAnswer(resolve, reject));
    });
  }

  /** Throws unless the answer's status is `expected`. */
  async expect(expected: number, request: ApiRequest): Promise<void> {
    const status = await this.status(request);
    if (status !== expected) throw new Error(`${request.method} ${request.path} was answered with ${status}`);
  }

  /** Calls back with each piece that comes. Resolves with what ends it, when the watch has begun. */
  watch(path: string, onData: (piece: Buffer) => void): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const stop = this.#http.request(
        { method: "GET", path },
        {
          head: (status) => {
            if (status === 200) resolve(stop);
            else reject(new Error(`a watch was answered with ${status}`));
          },
          data: onData,
          end: () => undefined,
          fail: reject,
        },
      );
    });
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }
}

/** Reads all and keeps nothing. */
class WholeAnswer implements AnswerReader {
  readonly #resolve: (status: number) => void;
  readonly fail: (error: Error) => void;
  #status = 0;

  constructor(resolve: (status: number) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.fail = reject;
  }

  head(status: number): void {
    this.#status = status;
  }

  data(): void {
    // Counted by the connection's windows alone.
  }

  end(): void {
    this.#resolve(this.#status);
  }
}
