/** Acceptance: the server is told to stop while real kubectls are in the middle of something, and comes back to its pods. */
import assert from "node:assert/strict";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { after, before, suite, test } from "node:test";
import { startServer, type Cluster, type KubectlVersion } from "./cluster.ts";
import { createLab, type Lab } from "./lab.ts";
import { Leftovers } from "./leftovers.ts";
import { eventually } from "./wait.ts";

/** Less than what a log is rotated at, more than lies in buffers while nobody reads it. */
const lines = 9000;

const pods = `
apiVersion: v1
kind: Pod
metadata: { name: talker }
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: "busybox:1.36"
    command: [sh, -c, "nc -ll -p 9000 -e cat & while :; do echo tick; sleep 0.1; done"]
---
apiVersion: v1
kind: Pod
metadata: { name: chatty }
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: "busybox:1.36"
    command: [sh, -c, "yes $(printf %01000d 0) | head -n ${lines}; touch /said; sleep 3600"]
`;

/** A program on the host, and what it has said so far. */
class Running {
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #output = "";
  #stdout = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = new Promise((resolve) => child.once("close", resolve));
  }

  /** Until then what it says stays in the pipe, and it waits when that is full. */
  read(): this {
    const { stdout, stderr } = this.#child;
    for (const stream of [stdout, stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        const text = chunk.toString("latin1");
        this.#output += text;
        if (stream === stdout) this.#stdout += text;
      });
    }
    return this;
  }

  /** Without what it says of itself (kubectl: that it has no HTTP/2), which may come in the midst of a line. */
  get stdout(): string {
    return this.#stdout;
  }

  get output(): string {
    return this.#output;
  }

  async says(pattern: RegExp): Promise<void> {
    await eventually(`it says ${String(pattern)}`, 30_000, () => Promise.resolve(pattern.test(this.#output)));
  }
}

suite("a server that is told to stop", { timeout: 300_000 }, () => {
  let lab: Lab;
  let cluster: Cluster;
  const leftovers = Leftovers.now();
  const stack = new AsyncDisposableStack();

  before(async () => {
    lab = stack.use(await createLab(1));
    cluster = stack.use(await startServer(lab.host(1), { args: ["--runtime", "embedded"] }));
    await cluster.apply(pods);
    await cluster.kubectl(["wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s"]);
    await cluster.kubectl(["exec", "chatty", "--", "sh", "-c", "until [ -e /said ]; do sleep 0.1; done"]);
  });
  after(async () => {
    await stack.disposeAsync();
    assert.deepEqual(leftovers.added(), []);
  });

  const run = (command: readonly string[]): Running =>
    new Running(lab.host(1).spawn(command, { stdio: ["pipe", "pipe", "pipe"] }));
  const kubectl = (version: KubectlVersion, ...args: string[]): Running =>
    run(cluster.kubectlCommand(args, version));

  test("logs end, whole ones wholly; exec says that it was cut; watches end well; a second start finds the pods", async () => {
    const versions: readonly KubectlVersion[] = ["1.27", "1.33", "1.35"];
    const ended = { code: 0, said: /^(?!.*error)/is };
    const cutOff = {
      code: 1,
      said: /error: Internal error occurred: error executing command in container: the kubelet is shutting down/,
    };
    const expectations = versions.flatMap((version) => {
      const inTerminal = cluster.kubectlCommand(
        ["exec", "-it", "talker", "--", "sh", "-c", "echo $((40+2)); cat"],
        version,
      );
      const quoted = inTerminal.map((word) => `'${word}'`).join(" ");
      return [
        { going: kubectl(version, "logs", "-f", "talker").read(), begun: /tick/, ...ended },
        { going: kubectl(version, "get", "pods", "-w").read(), begun: /talker/, ...ended },
        {
          going: kubectl(version, "exec", "talker", "--", "sh", "-c", "echo begun; sleep 3600").read(),
          begun: /begun/,
          ...cutOff,
        },
        { going: run(["script", "-qec", quoted, "/dev/null"]).read(), begun: /42/, ...cutOff },
        {
          going: kubectl(version, "attach", "talker").read(),
          begun: /tick/,
          code: 1,
          said: /error attaching to container: the kubelet is shutting down/,
        },
        {
          going: kubectl(version, "port-forward", "pod/talker", ":9000").read(),
          begun: /Forwarding from/,
          code: 1,
          said: /error: lost connection to pod/,
        },
      ];
    });
    for (const { going, begun } of expectations) await going.says(begun);
    // Of HTTP/2 a client would take megabytes before anybody reads them.
    const overHttp1: SpawnOptions = { stdio: ["pipe", "pipe", "pipe"], env: { DISABLE_HTTP2: "1" } };
    const whole = cluster.kubectlCommand(["logs", "chatty"]);
    const wholes = [kubectl("1.27", "logs", "chatty"), new Running(lab.host(1).spawn(whole, overHttp1))];
    await eventually("the logs are on their way", 30_000, async () => {
      const metrics = await cluster.kubectl(["get", "--raw", "/metrics"]);
      const open = /^apiserver_longrunning_requests\{[^}]*subresource="log"[^}]*\} (\d+)$/m.exec(metrics);
      return Number(open?.[1]) === versions.length + wholes.length;
    });

    const stopping = cluster.server.stop();
    await expectations[0]?.going.ended;
    for (const each of wholes) each.read();
    for (const each of wholes) {
      assert.equal(await each.ended, 0, each.output.slice(-500));
      const others = each.output.replaceAll(/^0{1000}\n/gm, "");
      assert.equal(each.stdout.match(/^0{1000}$/gm)?.length, lines, `beside lines: ${others.slice(0, 2000)}`);
    }
    for (const { going, code, said } of expectations) {
      assert.equal(await going.ended, code, going.output.slice(-500));
      assert.match(going.output, said);
    }
    assert.equal(await stopping, 0);
    assert.doesNotMatch(cluster.server.output, /^\S+ ERROR /m);

    await cluster.server.start();
    const restarts = await cluster.kubectl([
      "get",
      "pods",
      "-o",
      "jsonpath={.items[*].status.containerStatuses[*].restartCount}",
    ]);
    assert.equal(restarts, "0 0");
    const again = kubectl("1.35", "logs", "-f", "--tail=1", "talker").read();
    await again.says(/tick\ntick\n/);
    assert.equal(await cluster.kubectl(["exec", "talker", "--", "echo", "again"]), "again\n");
    assert.doesNotMatch(await cluster.kubectl(["exec", "talker", "--", "ps"]), /sleep 3600|root +cat$/m);
    assert.equal(await cluster.server.stop(), 0);
    assert.equal(await again.ended, 0);
  });
});
