/** Acceptance: kill -9 of the server loses nothing it acknowledged, repeats no revision, breaks no watch and no pod. */
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { after, before, suite, test } from "node:test";
import { startServer, type Cluster } from "./cluster.ts";
import { createLab, type Lab } from "./lab.ts";
import { Leftovers } from "./leftovers.ts";
import { eventually } from "./wait.ts";

const crashes = 10;

interface Checked {
  readonly inFlight: number;
  readonly writes: number;
  readonly deletes: number;
}

/** The process of crash/workload.ts on the server's host. */
class Workload implements AsyncDisposable {
  readonly #child;
  readonly #answers;
  #errors = "";

  constructor(cluster: Cluster) {
    const program = [process.execPath, `${import.meta.dirname}/crash/workload.ts`, cluster.kubeconfig];
    this.#child = cluster.server.host.spawn(program, { stdio: ["pipe", "pipe", "pipe"] });
    const { stdin, stdout, stderr } = this.#child;
    assert.ok(stdin && stdout && stderr);
    stdin.on("error", () => undefined); // it has ended, and said why
    stderr.on("data", (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.#answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  async ask(command: "write" | "check"): Promise<unknown> {
    this.#child.stdin?.write(`${command}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error(`the workload ended at "${command}": ${this.#errors}`);
    return JSON.parse(answer.value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.stdin?.end();
    await gone;
  }
}

const counter = `
apiVersion: v1
kind: Pod
metadata: { name: counter }
spec:
  terminationGracePeriodSeconds: 0
  tolerations: [{ operator: Exists }]
  containers:
  - name: sh
    image: busybox:1.36
    command: [sh, -c, "i=0; while true; do echo $i; i=$((i+1)); sleep 0.1; done"]
`;

suite("kill -9 of the server", { timeout: 300_000 }, () => {
  let lab: Lab;
  const leftovers = Leftovers.now();

  before(async () => {
    lab = await createLab(2);
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
    assert.deepEqual(leftovers.added(), []);
  });

  test(`${crashes} times in the middle of writes: nothing acknowledged is lost`, async () => {
    await using cluster = await startServer(lab.host(1), { args: ["--disable-agent"], images: [] });
    await using workload = new Workload(cluster);
    let inFlight = 0;
    let last: Checked = { inFlight: 0, writes: 0, deletes: 0 };
    for (let crash = 0; crash < crashes; crash++) {
      await workload.ask("write");
      // Not always at the same point of the store's work.
      await new Promise((resolve) => {
        setTimeout(resolve, (crash * 7) % 50);
      });
      await cluster.server.kill();
      await cluster.server.start();
      const checked = (await workload.ask("check")) as Checked;
      assert.ok(checked.writes > last.writes && checked.deletes > last.deletes, JSON.stringify(checked));
      inFlight += checked.inFlight;
      last = checked;
    }
    assert.ok(inFlight >= crashes, `only ${inFlight} requests were on their way at ${crashes} crashes`);
  });

  test("3 times under a running pod: the same container, every line of its log once", async () => {
    await using cluster = await startServer(lab.host(2), { args: ["--runtime", "embedded"] });
    const host = cluster.server.host;
    const status = (field: string): Promise<string> =>
      cluster.kubectl(["get", "pod/counter", "-o", `jsonpath={.status.containerStatuses[0].${field}}`]);
    const count = "cat /var/lib/mini-k8s/agent/logs/pods/default_counter_*/sh/*.log | wc -l";
    const linesOnDisk = async (): Promise<number> => Number((await host.exec(["sh", "-c", count])).stdout);
    const waitForMore = async (what: string): Promise<void> => {
      const linesBefore = await linesOnDisk();
      await eventually(what, 10_000, async () => (await linesOnDisk()) > linesBefore + 5);
    };

    await eventually("the default service account is there", 20_000, () =>
      cluster.kubectl(["get", "serviceaccount", "default"]),
    );
    await cluster.apply(counter);
    await cluster.kubectl(["wait", "--for=condition=Ready", "pod/counter", "--timeout=60s"]);
    const containerId = await status("containerID");
    assert.match(containerId, /^embedded:\/\/./);
    for (let crash = 0; crash < 3; crash++) {
      await cluster.server.kill();
      await waitForMore("the pod goes on without the server");
      await cluster.server.start();
      await cluster.kubectl(["wait", "--for=condition=Ready", "node", "--all", "--timeout=30s"]);
      await waitForMore("the pod goes on with the server back");
      assert.equal(await cluster.kubectl(["exec", "counter", "--", "echo", "at work"]), "at work\n");
    }
    assert.equal(await status("containerID"), containerId);
    assert.equal(await status("restartCount"), "0");

    const numbers = (await cluster.kubectl(["logs", "counter"])).trim().split("\n").map(Number);
    assert.ok(numbers.length > 30, `only ${numbers.length} lines`);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index),
    );
    await cluster.kubectl(["delete", "pod", "counter", "--timeout=30s"]);
  });
});
