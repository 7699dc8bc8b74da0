/** Acceptance: a second host joins with a token; pods, Services and DNS cross hosts; a cut link is survived and healed. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startAgent, startServer, type Cluster, type NodeProcess } from "./cluster.ts";
import { createLab, type Lab } from "./lab.ts";
import { Leftovers } from "./leftovers.ts";
import { eventually } from "./wait.ts";

const everywhere = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 4
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      tolerations:
      - { key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 5 }
      - { key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 5 }
      containers:
      - name: httpd
        image: docker.io/mini/httpd:1
        ports: [{ containerPort: 80 }]
        readinessProbe: { httpGet: { path: /, port: 80 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { type: NodePort, selector: { app: web }, ports: [{ port: 80, nodePort: 30080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: client-1 }
spec: { nodeName: h1, terminationGracePeriodSeconds: 0, containers: [{ name: sh, image: "busybox:1.36", command: [sleep, "3600"] }] }
---
apiVersion: v1
kind: Pod
metadata: { name: client-2 }
spec: { nodeName: h2, terminationGracePeriodSeconds: 0, containers: [{ name: sh, image: "busybox:1.36", command: [sleep, "3600"] }] }
`;

suite("two hosts", { timeout: 400_000 }, () => {
  let lab: Lab;
  let cluster: Cluster;
  let agent: NodeProcess;
  const leftovers = Leftovers.now();
  const stack = new AsyncDisposableStack();

  before(async () => {
    lab = stack.use(await createLab(2));
    cluster = stack.use(await startServer(lab.host(1), { args: ["--runtime", "embedded"] }));
  });
  after(async () => {
    await stack.disposeAsync();
    assert.deepEqual(leftovers.added(), []);
  });

  const nodeNames = async (): Promise<string> =>
    cluster.kubectl(["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"]);
  const joinFails = async (args: readonly string[]): Promise<string> => {
    const agentCommand = [
      process.execPath,
      `${import.meta.dirname}/../bin/mini-k8s.js`,
      "agent",
      "--runtime",
      "embedded",
    ];
    const { stdout } = await lab
      .host(2)
      .exec(["sh", "-c", `timeout 20 "$@" 2>&1; echo "ended with $?"`, "sh", ...agentCommand, ...args]);
    return stdout;
  };

  test("a wrong token, a wrong CA hash: a clear error, and no node", async () => {
    const url = `https://${lab.host(1).address}:6443`;
    const token = await cluster.token();
    const wrongPassword = await joinFails(["--server", url, "--token", `${token}x`]);
    assert.match(wrongPassword, /the token is not this cluster's[\s\S]*ended with 1/);
    const wrongHash = await joinFails([
      "--server",
      url,
      "--token",
      token.replace(/^K10./, (start) => `K10${start.endsWith("0") ? "1" : "0"}`),
    ]);
    assert.match(wrongHash, /the server's CA has the hash [\s\S]*ended with 1/);
    assert.equal(await nodeNames(), "h1");
  });

  test("an agent joins and becomes Ready", async () => {
    agent = stack.use(await startAgent(lab.host(2), cluster, { args: ["--runtime", "embedded"] }));
    await cluster.kubectl(["wait", "--for=condition=Ready", "node", "--all", "--timeout=60s"]);
    assert.equal(await nodeNames(), "h1 h2");
  });

  test("a node name that another machine has taken is refused", async () => {
    const url = `https://${lab.host(1).address}:6443`;
    const output = await joinFails([
      "--server",
      url,
      "--token",
      await cluster.token(),
      "--node-name",
      "h1",
      "--data-dir",
      "/var/lib/other",
    ]);
    assert.match(output, /the node name h1 is taken by another machine[\s\S]*ended with 1/);
  });

  test("pods, Services and DNS cross the hosts", async () => {
    await eventually("the default service account is there", 20_000, () =>
      cluster.kubectl(["get", "serviceaccount", "default"]),
    );
    await cluster.apply(everywhere);
    await cluster.kubectl(["rollout", "status", "deployment/web", "--timeout=120s"]);
    await cluster.kubectl(["wait", "--for=condition=Ready", "pod/client-1", "pod/client-2", "--timeout=60s"]);
    const nodes = await cluster.kubectl([
      "get",
      "pods",
      "-l",
      "app=web",
      "-o",
      "jsonpath={.items[*].spec.nodeName}",
    ]);
    assert.deepEqual(new Set(nodes.split(" ")), new Set(["h1", "h2"]));
    for (const client of ["client-1", "client-2"]) {
      const answers = await eventually(`${client} resolves the name`, 30_000, () =>
        cluster.kubectl([
          "exec",
          client,
          "--",
          "sh",
          "-c",
          "for i in $(seq 40); do timeout 5 wget -qO- http://web/cgi-bin/hello; done",
        ]),
      );
      assert.equal(new Set(answers.trim().split("\n")).size, 4, answers);
    }
    for (const host of lab.hosts) {
      assert.equal(
        (await host.exec(["curl", "-fsS", "--max-time", "5", `http://${host.address}:30080/`])).stdout,
        "version 1\n",
      );
    }
    assert.equal(
      await cluster.kubectl(["exec", "client-2", "--", "echo", "through the server"]),
      "through the server\n",
    );
  });

  test("a network card that is exchanged carries the pods' traffic again", async () => {
    const pods = await cluster.kubectl(["get", "pods", "-l", "app=web", "-o", "wide", "--no-headers"]);
    const address = /(10\.42\.\d+\.\d+) +h2 /.exec(pods)?.[1] ?? "";
    const ask = (): Promise<string> =>
      cluster.kubectl(["exec", "client-1", "--", "timeout", "3", "wget", "-qO-", `http://${address}/`]);
    assert.match(await ask(), /version 1/);
    const ifindex = async (): Promise<string> =>
      (await lab.host(2).exec(["cat", "/sys/class/net/eth0/ifindex"])).stdout;
    const old = await ifindex();
    await lab.host(2).plug();
    assert.notEqual(await ifindex(), old);
    await eventually("a pod behind the new card answers", 30_000, ask);
  });

  test("the link is cut: NotReady, pods move; it heals: back, nothing left over", async () => {
    await lab.host(2).cut();
    await cluster.kubectl(["wait", "--for=condition=Ready=unknown", "node/h2", "--timeout=90s"]);
    await eventually("four ready pods on h1", 90_000, async () => {
      const lines = await cluster.kubectl([
        "get",
        "pods",
        "-l",
        "app=web",
        "--field-selector=spec.nodeName=h1",
        "--no-headers",
      ]);
      return lines.split("\n").filter((line) => / 1\/1 +Running/.test(line)).length === 4;
    });
    await lab.host(2).heal();
    await cluster.kubectl(["wait", "--for=condition=Ready", "node/h2", "--timeout=90s"]);
    await eventually("moved pods are gone from h2", 60_000, async () => {
      const lines = await cluster.kubectl(["get", "pods", "-l", "app=web", "--no-headers"]);
      return !lines.includes("Terminating") && lines.trim().split("\n").length === 4;
    });
    const taints = await cluster.kubectl(["get", "node", "h2", "-o", "jsonpath={.spec.taints}"]);
    assert.equal(taints, "");
  });

  test("stopped and uninstalled, a host is as it was", async () => {
    await cluster.kubectl(["delete", "deployment,service,pod", "--all", "--timeout=60s"]);
    await agent.stop();
    const host = lab.host(2);
    await host.exec([process.execPath, `${import.meta.dirname}/../bin/mini-k8s.js`, "uninstall"]);
    const { stdout: links } = await host.exec(["ip", "-o", "link"]);
    assert.deepEqual(
      links
        .trim()
        .split("\n")
        .map((line) => line.split(": ")[1]?.split("@")[0])
        .filter((name) => /mk8s|veth/.test(name ?? "")),
      [],
    );
    assert.equal((await host.exec(["nft", "list", "ruleset"])).stdout.trim(), "");
    assert.equal(
      (await host.exec(["sh", "-c", "awk '$5 ~ /mini-k8s/' /proc/self/mountinfo | wc -l"])).stdout.trim(),
      "0",
    );
    assert.equal(
      (await host.exec(["sh", "-c", "find /sys/fs/cgroup -name 'kubepods*' | head -1"])).stdout,
      "",
    );
    assert.equal(
      (await host.exec(["sh", "-c", "test -e /var/lib/mini-k8s && echo there || echo gone"])).stdout.trim(),
      "gone",
    );
  });
});
