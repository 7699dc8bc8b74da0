/** Acceptance: two servers on one etcd and an agent. The agent's server dies, is cut off, is dead at its start: its node goes on. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { Cluster, NodeProcess } from "./cluster.ts";
import { createLab, type Lab } from "./lab.ts";
import { Leftovers } from "./leftovers.ts";
import { eventually } from "./wait.ts";

const images = ["busybox", "httpd-1"];
/** A leader's lease, and some time for the new one to begin. */
const handOverMaxMs = 60_000;

const deployment = (name: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: 2
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: httpd
        image: docker.io/mini/httpd:1
        readinessProbe: { httpGet: { path: /, port: 80 }, periodSeconds: 1 }
`;

/** Asks all the time whether the node is Ready, and remembers when it wasn't. */
class NodeWatch {
  readonly answers: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(cluster: Cluster) {
    const format = 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.spec.taints[*].key}';
    this.#running = (async () => {
      while (!this.#stop.signal.aborted) {
        this.answers.push((await cluster.kubectl(["get", "node", "h3", "-o", format])).trim());
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    })();
  }

  async end(): Promise<ReadonlySet<string>> {
    this.#stop.abort();
    await this.#running;
    return new Set(this.answers);
  }
}

suite("an agent of two servers", { timeout: 240_000 }, () => {
  let lab: Lab;
  let one: Cluster;
  let two: Cluster;
  let agent: NodeProcess;
  const leftovers = Leftovers.now();
  const stack = new AsyncDisposableStack();
  const url = (host: number): string => `https://${lab.host(host).address}:6443`;
  const known = (): string =>
    readFileSync(join(lab.host(3).directory, "lib", "mini-k8s", "agent", "servers"), "utf8");

  before(async () => {
    lab = stack.use(await createLab(3));
    const { address, directory } = lab.host(3);
    mkdirSync(join(directory, "etcd"));
    const etcd = lab
      .host(3)
      .spawn(
        [
          "etcd",
          "--data-dir",
          join(directory, "etcd"),
          `--listen-client-urls=http://${address}:2379`,
          `--advertise-client-urls=http://${address}:2379`,
        ],
        { stdio: "ignore" },
      );
    stack.defer(() => {
      etcd.kill("SIGKILL");
    });
    const args = [
      "server",
      "--disable-agent",
      "--token",
      "open-sesame",
      "--datastore-endpoint",
      `http://${address}:2379`,
    ];
    const servers = [1, 2].map((host) => stack.use(new NodeProcess(lab.host(host), args, {})));
    for (const server of servers) await server.start();
    [one, two] = servers.map((server) => new Cluster(server)) as [Cluster, Cluster];
    agent = stack.use(
      new NodeProcess(
        lab.host(3),
        ["agent", "--server", url(1), "--token", "open-sesame", "--runtime", "embedded"],
        { images },
      ),
    );
    await agent.start();
    await one.kubectl(["wait", "--for=condition=Ready", "node/h3", "--timeout=60s"]);
  });
  after(async () => {
    await stack.disposeAsync();
    assert.deepEqual(leftovers.added(), []);
  });

  test("it learns of both from the cluster, and keeps the list", async () => {
    await eventually("both are in its list", 30_000, () =>
      Promise.resolve(known() === `${url(1)}\n${url(2)}\n`),
    );
    await two.apply(deployment("before"));
    await two.kubectl(["rollout", "status", "deployment/before", "--timeout=60s"]);
  });

  test("its server is killed: the node stays Ready, changes of pods go on at once", async () => {
    const watch = new NodeWatch(two);
    await one.server.kill();
    const pod = ["run", "bound", "--image=busybox:1.36", "--restart=Never"];
    const overrides = '{"spec":{"nodeName":"h3","terminationGracePeriodSeconds":0}}';
    await two.kubectl([...pod, `--overrides=${overrides}`, "--", "sleep", "600"]);
    await two.kubectl(["wait", "--for=condition=Ready", "pod/bound", "--timeout=30s"]);
    assert.equal(await two.kubectl(["exec", "bound", "--", "echo", "hello"]), "hello\n");
    await two.kubectl(["delete", "pod", "bound", "--timeout=30s"]);
    await eventually("the dead server is out of its list", handOverMaxMs, () =>
      Promise.resolve(known() === `${url(2)}\n`),
    );
    await two.kubectl(["scale", "deployment/before", "--replicas=3"]);
    await two.kubectl(["rollout", "status", "deployment/before", "--timeout=60s"]);
    assert.deepEqual(await watch.end(), new Set(["True"]));
    assert.match(agent.output, new RegExp(`another one is asked server=${url(1)} next=${url(2)}`));
  });

  test("the other is cut off without a word: the node stays Ready, changes go on", async () => {
    await one.server.start();
    await eventually("both are in its list", 30_000, () =>
      Promise.resolve(known() === `${url(1)}\n${url(2)}\n`),
    );
    const watch = new NodeWatch(one);
    await lab.host(2).cut();
    await one.apply(deployment("behind"));
    await eventually("a deployment is rolled out", handOverMaxMs, () =>
      one.kubectl(["rollout", "status", "deployment/behind", "--timeout=5s"]),
    );
    // Longer than a node may be silent.
    await eventually("the node has been watched for a minute", 120_000, () =>
      Promise.resolve(watch.answers.length > 80),
    );
    assert.deepEqual(await watch.end(), new Set(["True"]));
    assert.match(agent.output, new RegExp(`another one is asked server=${url(2)} next=${url(1)}`));
    await lab.host(2).heal();
  });

  test("started anew while the server it was given is dead, it joins by another", async () => {
    await eventually("the other is back", handOverMaxMs, () =>
      Promise.resolve(known() === `${url(1)}\n${url(2)}\n`),
    );
    assert.equal(await agent.stop(), 0);
    await one.server.kill();
    await agent.start();
    await two.kubectl(["delete", "deployment", "behind", "--timeout=30s"]);
    await eventually("its pods are gone", handOverMaxMs, async () => {
      return (await two.kubectl(["get", "pods", "-l", "app=behind", "-o", "name"])) === "";
    });
  });
});
