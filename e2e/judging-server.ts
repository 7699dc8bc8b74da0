/** A server that is asked by reviews, over plain HTTP, and answers as the test wants. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";

export interface Review {
  readonly apiVersion: string;
  readonly spec: {
    /** Of a TokenReview. */
    readonly token?: string;
    /** And the rest of a SubjectAccessReview. */
    readonly user: string;
    readonly groups?: readonly string[];
    readonly resourceAttributes?: Readonly<Record<string, unknown>>;
  };
}

type Judge = (review: Review) => Readonly<Record<string, unknown>> | undefined;

/** A server that judges; without a judgement it fails. */
export class JudgingServer implements AsyncDisposable {
  readonly asked: Review[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), "mini-k8s-authz-"));
  judge: Judge = () => ({ allowed: false });
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void json(request).then((body) => {
        const review = body as Review;
        this.asked.push(review);
        const status = this.judge(review);
        response.writeHead(status === undefined ? 503 : 200, { "content-type": "application/json" });
        response.end(JSON.stringify({ ...review, status }));
      });
    });
  }

  static async start(): Promise<JudgingServer> {
    const judging = new JudgingServer();
    await new Promise<void>((done) => {
      judging.#server.listen(0, "127.0.0.1", done);
    });
    return judging;
  }

  /** A kubeconfig that leads to it. */
  kubeconfig(): string {
    const server = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/judge`;
    const path = this.file("webhook.yaml", {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "judge", cluster: { server } }],
      users: [{ name: "apiserver", user: { token: "secret" } }],
      contexts: [{ name: "judge", context: { cluster: "judge", user: "apiserver" } }],
      "current-context": "judge",
    });
    return path;
  }

  file(name: string, content: unknown): string {
    const path = join(this.directory, name);
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
    rmSync(this.directory, { recursive: true });
  }
}
