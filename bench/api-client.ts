/** A client of the API for benchmarks: one HTTP/2 connection, nothing decoded, so that it takes little of the machine. */
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
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

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
}

export class ApiClient implements Disposable {
  readonly #session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  /** Resolves when pods can be created in the namespace default: its service account is made by a controller. */
  static async connect(server: ServerProcess): Promise<ApiClient> {
    const client = new ApiClient(connect(`https://127.0.0.1:${server.port}`, await server.credentials()));
    const deadline = performance.now() + readyMs;
    const body = podNamed("warm-up");
    while ((await client.status({ method: "POST", path: podsPath, body })) === 403) {
      if (performance.now() > deadline) throw new Error("pods can't be created in namespace default");
    }
    return client;
  }

  /** The answer's status, once all of it has come. */
  status(request: ApiRequest): Promise<number> {
    const stream = this.#request(request);
    return new Promise((resolve, reject) => {
      let status = 0;
      stream.on("response", (headers) => {
        status = headers[":status"] ?? 0;
      });
      stream.on("data", () => undefined);
      stream.on("end", () => {
        resolve(status);
      });
      stream.on("error", reject);
      stream.end(request.body);
    });
  }

  /** Throws unless the answer's status is `expected`. */
  async expect(expected: number, request: ApiRequest): Promise<void> {
    const status = await this.status(request);
    if (status !== expected) throw new Error(`${request.method} ${request.path} was answered with ${status}`);
  }

  /** Calls back with each piece that comes. Resolves with what ends it, when the watch has begun. */
  watch(path: string, onData: (piece: Buffer) => void): Promise<() => void> {
    const stream = this.#request({ method: "GET", path });
    stream.end();
    return new Promise((resolve, reject) => {
      stream.on("error", reject);
      stream.on("data", onData);
      stream.on("response", (headers) => {
        const status = headers[":status"];
        if (status === 200) resolve(() => stream.close());
        else reject(new Error(`a watch was answered with ${status}`));
      });
    });
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }

  #request({ method, path, body, contentType = "application/json" }: ApiRequest): ClientHttp2Stream {
    return this.#session.request({
      ":method": method,
      ":path": path,
      ...(body === undefined ? {} : { "content-type": contentType }),
      accept: "application/json",
    });
  }
}
