/** A cluster of one node that runs containers without a daemon, and what tests of running pods do with it. */
import assert from "node:assert/strict";
import { startServer, type Cluster } from "../cluster.ts";
import { testImages } from "../images.ts";
import { createLab } from "../lab.ts";
import { Leftovers } from "../leftovers.ts";
import { eventually } from "../wait.ts";
import type { Json } from "./api-client.ts";

export type Kubectl = (args: readonly string[], input?: string | Json) => Promise<string>;

export class Node implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #cluster: Cluster;

  private constructor(stack: AsyncDisposableStack, cluster: Cluster) {
    this.#stack = stack;
    this.#cluster = cluster;
  }

  /** `more`: of the server. */
  static async start(more: readonly string[] = []): Promise<Node> {
    testImages("node");
    const leftovers = Leftovers.now();
    await using stack = new AsyncDisposableStack();
    stack.defer(() => {
      assert.deepEqual(leftovers.added(), []);
    });
    const lab = stack.use(await createLab(1));
    const images = ["busybox", "httpd-1", "guestbook", "node"];
    const args = ["--runtime", "embedded", "--node-name", "n1", ...more];
    const cluster = stack.use(await startServer(lab.host(1), { args, images }));
    await cluster.kubectl(["wait", "--for=condition=Ready", "node/n1", "--timeout=60s"]);
    return new Node(stack.move(), cluster);
  }

  /** kubectl in a namespace of its own. */
  async namespace(name: string): Promise<Kubectl> {
    await this.#cluster.kubectl(["create", "namespace", name]);
    const kubectl: Kubectl = (args, input) => {
      const text = typeof input === "object" ? JSON.stringify(input) : input;
      return this.#cluster.kubectl(["-n", name, ...args], text === undefined ? {} : { input: text });
    };
    await eventually("the default account", 20_000, () => kubectl(["get", "serviceaccount", "default"]));
    return kubectl;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** Upstream's look at an output: each of the lists has a line of its own, in their order, that has all of it. */
export function hasInOrder(output: string, required: readonly (readonly string[])[]): void {
  const lines = output.split("\n");
  let from = 0;
  for (const [first = "", ...rest] of required) {
    const at = lines.findIndex((line, i) => i >= from && line.includes(first));
    assert.ok(at >= 0, `no ${first} after line ${from} in\n${output}`);
    for (const part of rest) assert.ok(lines[at]?.includes(part), `no ${part} in ${lines[at] ?? ""}`);
    from = at;
  }
}
