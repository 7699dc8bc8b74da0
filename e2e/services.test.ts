/** Acceptance: Services, DNS, probes and rolling updates as pods and hosts see them, on each container runtime. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startServer, type Cluster } from "./cluster.ts";
import { createLab, type Lab, type LabHost } from "./lab.ts";
import { Leftovers } from "./leftovers.ts";
import { startDocker } from "./docker.ts";
import { eventually } from "./wait.ts";

const web = (replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${replicas}
  strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: httpd
        image: docker.io/mini/httpd:1
        ports: [{ name: http, containerPort: 80 }]
        readinessProbe: { exec: { command: [sh, -c, "! test -e /tmp/broken"] }, periodSeconds: 1, failureThreshold: 1 }
        livenessProbe: { httpGet: { path: /, port: http }, periodSeconds: 2 }
        lifecycle: { preStop: { exec: { command: [sleep, "3"] } } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: NodePort
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: http, nodePort: 30080 }]
---
apiVersion: v1
kind: Service
metadata: { name: near }
spec:
  type: NodePort
  externalTrafficPolicy: Local
  selector: { app: web }
  ports: [{ port: 80, targetPort: http, nodePort: 30081 }]
---
apiVersion: v1
kind: Pod
metadata: { name: client }
spec:
  terminationGracePeriodSeconds: 0
  containers: [{ name: sh, image: "busybox:1.36", command: [sleep, "3600"] }]
`;

const byText = (a: string, b: string): number => (a < b ? -1 : 1);

for (const runtime of ["embedded", "docker"] as const) {
  suite(`services on ${runtime}`, { timeout: 400_000 }, () => {
    let lab: Lab;
    let host: LabHost;
    let cluster: Cluster;
    let leftovers: Leftovers;
    const stack = new AsyncDisposableStack();

    before(async () => {
      leftovers = Leftovers.now();
      lab = stack.use(await createLab(1));
      host = lab.host(1);
      if (runtime === "docker") stack.use(await startDocker(host));
      cluster = stack.use(await startServer(host, { args: ["--runtime", runtime, "--node-name", "n1"] }));
      await cluster.kubectl(["wait", "--for=condition=Ready", "node/n1", "--timeout=60s"]);
      await eventually("the default service account is there", 20_000, () =>
        cluster.kubectl(["get", "serviceaccount", "default"]),
      );
      await cluster.apply(web(3));
      await cluster.kubectl(["rollout", "status", "deployment/web", "--timeout=120s"]);
      await cluster.kubectl(["wait", "--for=condition=Ready", "pod/client", "--timeout=60s"]);
    });
    after(async () => {
      await cluster
        .kubectl(["delete", "deployment,service,pod", "--all", "--timeout=60s"])
        .catch(() => undefined);
      await stack.disposeAsync();
      assert.deepEqual(leftovers.added(), []);
    });

    const inClient = (command: string): Promise<string> =>
      cluster.kubectl(["exec", "client", "--", "sh", "-c", command]);
    /** The pods that answered. */
    const askSticky = async (times: number): Promise<string[]> => {
      const command = `for i in $(seq ${times}); do timeout 5 wget -qO- http://sticky/cgi-bin/hello; done`;
      const answers = (await inClient(command)).trim().split("\n");
      return [...new Set(answers.map((line) => line.split(" ")[0] ?? ""))];
    };
    const podNames = async (): Promise<string[]> =>
      (await cluster.kubectl(["get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"]))
        .split(" ")
        .filter(Boolean);

    test("a pod reaches all replicas through the service's DNS name", async () => {
      const answers = await eventually("the name resolves", 30_000, () =>
        inClient("for i in $(seq 60); do wget -qO- http://web.default.svc.cluster.local/cgi-bin/hello; done"),
      );
      const seen = new Set(
        answers
          .trim()
          .split("\n")
          .map((line) => line.split(" ")[0] ?? ""),
      );
      assert.deepEqual([...seen].toSorted(byText), (await podNames()).toSorted(byText));
      assert.match(await inClient("wget -qO- http://web/"), /version 1/);
      assert.match(
        await inClient("nslookup -type=srv _http._tcp.web.default.svc.cluster.local"),
        /web\.default\.svc\.cluster\.local/,
      );
    });

    test("the host reaches the NodePort and the cluster IP", async () => {
      for (const address of [host.address, "127.0.0.1"]) {
        const { stdout } = await host.exec(["curl", "-fsS", "--max-time", "5", `http://${address}:30080/`]);
        assert.equal(stdout, "version 1\n");
      }
      const ip = await cluster.kubectl(["get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
      assert.equal(
        (await host.exec(["curl", "-fsS", "--max-time", "5", `http://${ip}/`])).stdout,
        "version 1\n",
      );
    });

    test("a pod reaches itself through its service", async () => {
      const [pod = ""] = await podNames();
      await cluster.kubectl(["scale", "deployment/web", "--replicas=1"]);
      await eventually("one pod is left", 30_000, async () => (await podNames()).length === 1);
      const [only = pod] = await podNames();
      assert.match(await cluster.kubectl(["exec", only, "--", "wget", "-qO-", "http://web/"]), /version 1/);
      await cluster.kubectl(["scale", "deployment/web", "--replicas=3"]);
      await cluster.kubectl(["rollout", "status", "deployment/web", "--timeout=60s"]);
    });

    test("a failing readiness probe takes a pod out, and back in", async () => {
      const [pod = ""] = await podNames();
      const readyAddresses = async (): Promise<number> => {
        const text = await cluster.kubectl([
          "get",
          "endpoints",
          "web",
          "-o",
          "jsonpath={.subsets[*].addresses[*].ip}",
        ]);
        return text.split(" ").filter(Boolean).length;
      };
      await cluster.kubectl(["exec", pod, "--", "touch", "/tmp/broken"]);
      await eventually("two endpoints are left", 20_000, async () => (await readyAddresses()) === 2);
      assert.ok(
        !(await inClient("for i in $(seq 30); do wget -qO- http://web/cgi-bin/hello; done")).includes(pod),
      );
      await cluster.kubectl(["exec", pod, "--", "rm", "/tmp/broken"]);
      await eventually("three endpoints are back", 20_000, async () => (await readyAddresses()) === 3);
    });

    test("a sticky client stays with its pod, and has another as soon as that is gone", async () => {
      await cluster.apply(
        `{ apiVersion: v1, kind: Service, metadata: { name: sticky }, spec: { selector: { app: web }, sessionAffinity: ClientIP, ports: [{ port: 80 }] } }`,
      );
      await eventually("the service answers", 20_000, async () => (await askSticky(1))[0] !== "");
      const [first = "", ...others] = await askSticky(20);
      assert.deepEqual(others, []);
      await cluster.kubectl(["delete", "pod", first, "--grace-period=0", "--force"]);
      const second = await eventually("another pod answers", 20_000, async () => {
        const [pod] = await askSticky(1);
        return pod !== undefined && pod !== "" && pod !== first ? pod : false;
      });
      assert.deepEqual(await askSticky(20), [second]);
      await cluster.kubectl(["delete", "service", "sticky"]);
      await cluster.kubectl(["rollout", "status", "deployment/web", "--timeout=60s"]);
    });

    test("a killed process is restarted, a deleted pod replaced", async () => {
      const [pod = ""] = await podNames();
      await cluster.kubectl(["exec", pod, "--", "sh", "-c", "kill -9 -1; kill 1"]).catch(() => undefined);
      await eventually(
        "it was restarted",
        40_000,
        async () =>
          (await cluster.kubectl([
            "get",
            "pod",
            pod,
            "-o",
            "jsonpath={.status.containerStatuses[0].restartCount}",
          ])) === "1",
      );
      await cluster.kubectl(["delete", "pod", pod]);
      await cluster.kubectl(["rollout", "status", "deployment/web", "--timeout=60s"]);
      assert.ok(!(await podNames()).includes(pod));
    });

    test("a rolling update under load drops no request", async () => {
      const load = inClient(
        "ok=0; bad=0; while ! test -e /tmp/stop; do if timeout 5 wget -qO- http://web/ >/dev/null; then ok=$((ok+1)); else bad=$((bad+1)); fi; done; echo $ok $bad",
      );
      await cluster.kubectl(["set", "image", "deployment/web", "httpd=docker.io/mini/httpd:2"]);
      await cluster.kubectl(["rollout", "status", "deployment/web", "--timeout=120s"]);
      await eventually("old pods are gone", 60_000, async () => (await podNames()).length === 3);
      await inClient("touch /tmp/stop");
      const [ok, bad] = (await load).trim().split(" ").map(Number);
      assert.equal(bad, 0, `${bad} of ${(ok ?? 0) + (bad ?? 0)} requests failed`);
      assert.ok((ok ?? 0) > 100, `only ${ok} requests were made`);
      assert.match(await inClient("wget -qO- http://web/"), /version 2/);
    });

    test("every change of the rules was taken at the first try", () => {
      assert.doesNotMatch(cluster.server.output, /rules not applied/);
    });
  });
}
