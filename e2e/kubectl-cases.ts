/** What people do with kubectl, on node n1 of a cluster that runs containers without a daemon: acceptance's list. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { Cluster, KubectlVersion } from "./cluster.ts";
import type { LabHost } from "./lab.ts";
import { eventually } from "./wait.ts";

const manifest = (namespace: string, replicas: number): string => `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: ${namespace} }
data: { color: blue }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: ${namespace}, labels: { app: web } }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: httpd
        image: docker.io/mini/httpd:1
        ports: [{ name: http, containerPort: 80 }]
        env: [{ name: COLOR, valueFrom: { configMapKeyRef: { name: settings, key: color } } }]
        readinessProbe: { httpGet: { path: /, port: http }, periodSeconds: 1 }
`;

/** Declares the cases of one kubectl; the cluster is there when they run. */
export function kubectlCases(version: KubectlVersion, cluster: () => Cluster): void {
  const host = (): LabHost => cluster().server.host;
  const namespace = `shop-${version.replace(".", "")}`;
  const kubectl = (...args: string[]): Promise<string> =>
    cluster().kubectl(["-n", namespace, ...args], { version });
  const podOf = async (): Promise<string> =>
    (
      await kubectl(
        "get",
        "pods",
        "-l",
        "app=web",
        "--field-selector=status.phase=Running",
        "-o",
        "jsonpath={.items[0].metadata.name}",
      )
    ).trim();

  suite(`kubectl ${version}`, () => {
    test("get nodes: Ready", async () => {
      await cluster().kubectl(["wait", "--for=condition=Ready", "node/n1", "--timeout=60s"], { version });
      assert.match(
        await cluster().kubectl(["get", "nodes"], { version }),
        /^n1\s+Ready\s+\S+\s+\S+\s+v1\.35\./m,
      );
      assert.match(await cluster().kubectl(["get", "nodes", "-o", "wide"], { version }), /embedded:\/\//);
    });

    test("create namespace, apply twice and with a change", async () => {
      await cluster().kubectl(["create", "namespace", namespace], { version });
      const apply = (replicas: number): Promise<string> =>
        cluster().kubectl(["apply", "-f", "-"], { version, input: manifest(namespace, replicas) });
      assert.match(await apply(2), /configmap\/settings created\ndeployment\.apps\/web created/);
      assert.match(await apply(2), /configmap\/settings unchanged\ndeployment\.apps\/web unchanged/);
      assert.match(await apply(3), /deployment\.apps\/web configured/);
    });

    test("rollout status, set image, history, undo", async () => {
      assert.match(
        await kubectl("rollout", "status", "deployment/web", "--timeout=120s"),
        /successfully rolled out/,
      );
      await kubectl("set", "image", "deployment/web", "httpd=docker.io/mini/httpd:2");
      assert.match(
        await kubectl("rollout", "status", "deployment/web", "--timeout=120s"),
        /successfully rolled out/,
      );
      assert.match(await kubectl("rollout", "history", "deployment/web"), /^1\s.*\n2\s/m);
      assert.match(await kubectl("rollout", "undo", "deployment/web"), /rolled back/);
      assert.match(
        await kubectl("rollout", "status", "deployment/web", "--timeout=120s"),
        /successfully rolled out/,
      );
      assert.match(await kubectl("get", "deployment", "web", "-o", "wide"), /mini\/httpd:1/);
    });

    test("scale, expose, get all -o wide, describe", async () => {
      assert.match(await kubectl("scale", "deployment/web", "--replicas=1"), /scaled/);
      assert.match(
        await kubectl("expose", "deployment", "web", "--port=80", "--target-port=http"),
        /exposed/,
      );
      await kubectl("rollout", "status", "deployment/web", "--timeout=60s");
      const all = await kubectl("get", "all", "-o", "wide");
      for (const part of ["pod/web-", "service/web", "deployment.apps/web", "replicaset.apps/web-"]) {
        assert.ok(all.includes(part), all);
      }
      assert.match(
        await kubectl("describe", "deployment", "web"),
        /ScalingReplicaSet.*Scaled (up|down) replica set/,
      );
      assert.match(await kubectl("describe", "pod", await podOf()), /Started/);
      assert.match(await cluster().kubectl(["describe", "node", "n1"], { version }), /Allocated resources:/);
      assert.match(await kubectl("describe", "service", "web"), /Endpoints:\s+10\.42\.0\.\d+:80/);
    });

    test("logs -f, exec, cp, attach", async () => {
      await kubectl(
        "run",
        "talker",
        "--image=busybox:1.36",
        "--restart=Never",
        "--",
        "sh",
        "-c",
        "for i in 1 2 3; do echo line $i; sleep 0.2; done",
      );
      assert.equal(
        await kubectl("logs", "-f", "talker", "--pod-running-timeout=60s").catch(() =>
          eventually("talker talks", 30_000, () => kubectl("logs", "-f", "talker")),
        ),
        "line 1\nline 2\nline 3\n",
      );
      assert.match(
        await kubectl("logs", "talker", "--timestamps", "--tail=1"),
        /^\d{4}-\d\d-\d\dT\S+Z line 3\n$/,
      );
      const pod = await podOf();
      assert.equal(await kubectl("exec", pod, "--", "sh", "-c", "echo $COLOR; hostname"), `blue\n${pod}\n`);
      // Its files are the image's, and its processes the container's own: the first one is what the image starts.
      assert.match(await kubectl("exec", pod, "--", "ls", "/"), /^serve$/m);
      assert.match(await kubectl("exec", pod, "--", "cat", "/proc/1/cmdline"), /\/serve/);
      assert.equal(
        await cluster().kubectl(["-n", namespace, "exec", "-i", pod, "--", "cat"], {
          version,
          input: "through stdin\n",
        }),
        "through stdin\n",
      );
      const failure = await cluster().kubectlFails(
        ["-n", namespace, "exec", pod, "--", "sh", "-c", "exit 7"],
        { version },
      );
      assert.match(failure, /exit code 7/);
      const missing = await cluster().kubectlFails(["-n", namespace, "exec", pod, "--", "no-such-program"], {
        version,
      });
      assert.match(
        missing,
        /^error: Internal error occurred: error executing command in container: .*no-such-program/,
      );
      const blob = join(host().directory, "blob");
      const back = `${blob}-back`;
      await host().exec(["sh", "-c", `head -c 300000 /dev/urandom >${blob}`]);
      await kubectl("cp", blob, `${pod}:/tmp/blob`);
      await kubectl("cp", `${pod}:/tmp/blob`, back);
      await host().exec(["cmp", blob, back]);
      const echo = `{ apiVersion: v1, kind: Pod, metadata: { name: echo }, spec: { containers: [{ name: c, image: "busybox:1.36", stdin: true, command: [sh, -c, "read x; echo got $x; sleep 1"] }], restartPolicy: Never } }`;
      await cluster().kubectl(["-n", namespace, "apply", "-f", "-"], { version, input: echo });
      await kubectl("wait", "--for=condition=Ready", "pod/echo", "--timeout=60s");
      const attached = await host().exec([
        "sh",
        "-c",
        `(sleep 1; echo hello; sleep 2) | timeout 10 ${cluster().kubectlCommand(["-n", namespace, "attach", "-i", "echo"], version).join(" ")} || true`,
      ]);
      assert.match(attached.stdout, /got hello/);
      await kubectl("delete", "pod", "echo", "talker", "--grace-period=0", "--force");
    });

    test("replace: a pod's container gets another image", async () => {
      await kubectl("run", "swapped", "--image=docker.io/mini/httpd:1", "--port=80");
      await kubectl("wait", "--for=condition=Ready", "pod/swapped", "--timeout=60s");
      const found = await kubectl("get", "pod", "swapped", "-o", "json");
      const input = found.replaceAll(/(?<="image": ")docker\.io\/mini\/httpd:1/g, "docker.io/mini/httpd:2");
      assert.equal(
        await cluster().kubectl(["-n", namespace, "replace", "-f", "-"], { version, input }),
        "pod/swapped replaced\n",
      );
      const image = ["get", "pod", "swapped", "-o", "jsonpath={.spec.containers[0].image}"];
      assert.equal(await kubectl(...image), "docker.io/mini/httpd:2");
      const page = ["exec", "swapped", "--", "wget", "-qO-", "http://localhost/"];
      await eventually("version 2 serves", 60_000, async () =>
        (await kubectl(...page).catch(() => "")).includes("version 2"),
      );
      await kubectl("delete", "pod", "swapped", "--now");
    });

    test("debug adds a container that sees the other's processes", async () => {
      const pod = await podOf();
      await kubectl("debug", pod, "--image=busybox:1.36", "--target=httpd", "-c", "dbg", "--", "ps");
      await eventually("the debugger has ended", 30_000, async () =>
        (
          await kubectl("get", "pod", pod, "-o", "jsonpath={.status.ephemeralContainerStatuses[0].state}")
        ).includes("Completed"),
      );
      assert.match(await kubectl("logs", pod, "-c", "dbg"), /PID[\s\S]*httpd[\s\S]* ps\n/);
      assert.match(await kubectl("describe", "pod", pod), /^Ephemeral Containers:\n  dbg:/m);
    });

    test("exec -it has a terminal", async () => {
      const command = cluster().kubectlCommand(
        ["-n", namespace, "exec", "-it", await podOf(), "--", "sh", "-c", "sleep 0.5; tty; stty size"],
        version,
      );
      const { stdout } = await host().exec([
        "script",
        "-qec",
        `stty rows 33 cols 77; ${command.join(" ").replace("sleep 0.5; tty; stty size", "'sleep 0.5; tty; stty size'")}`,
        "/dev/null",
      ]);
      assert.match(stdout, /\/dev\/(pts\/\d+|console)/);
      assert.match(stdout, /33 77/);
    });

    test("port-forward", async () => {
      const command = cluster().kubectlCommand(
        ["-n", namespace, "port-forward", "service/web", "18080:80"],
        version,
      );
      const forward = host().spawn(command, { stdio: "ignore" });
      try {
        const body = await eventually("the forwarded port answers", 20_000, async () => {
          const { stdout } = await host().exec([
            "curl",
            "-fsS",
            "--max-time",
            "2",
            "http://127.0.0.1:18080/",
          ]);
          return stdout;
        });
        assert.equal(body, "version 1\n");
      } finally {
        forward.kill("SIGINT");
      }
    });

    test("edit, label, annotate, patch, explain, api-resources", async () => {
      const edited = await host().exec(
        cluster().kubectlCommand(["-n", namespace, "edit", "configmap", "settings"], version),
        {
          env: { KUBE_EDITOR: "sed -i s/blue/green/" },
        },
      );
      assert.match(edited.stdout, /configmap\/settings edited/);
      assert.equal(await kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.color}"), "green");
      assert.match(await kubectl("label", "configmap", "settings", "tier=front"), /labeled/);
      assert.match(
        await kubectl("get", "configmap", "-l", "tier=front", "-o", "name"),
        /configmap\/settings/,
      );
      assert.match(await kubectl("explain", "deployment.spec.strategy"), /rollingUpdate/);
      const resources = await kubectl("api-resources");
      for (const line of [
        /^pods\s+po\s+v1\s+true\s+Pod$/m,
        /^deployments\s+deploy\s+apps\/v1\s+true\s+Deployment$/m,
      ]) {
        assert.match(resources, line);
      }
    });

    test("auth can-i --list, create token", async () => {
      assert.match(await kubectl("auth", "can-i", "--list"), /\*\.\*\s+\[\]\s+\[\]\s+\[\*\]/);
      assert.equal((await kubectl("auth", "can-i", "create", "pods")).trim(), "yes");
      const token = (await kubectl("create", "token", "default")).trim();
      assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
      const anonymous = await cluster().kubectlFails(
        [
          "--token",
          token,
          "--kubeconfig",
          "/dev/null",
          "--server",
          "https://127.0.0.1:6443",
          "--insecure-skip-tls-verify",
          "-n",
          namespace,
          "get",
          "pods",
        ],
        { version },
      );
      assert.match(
        anonymous,
        new RegExp(`Forbidden.*system:serviceaccount:${namespace}:default.*cannot list resource "pods"`),
      );
    });

    test("events, wait, delete", async () => {
      assert.match(await kubectl("events"), /Scheduled|Pulled|Started/);
      assert.match(
        await kubectl("get", "events", "--field-selector=reason=Scheduled"),
        /Successfully assigned/,
      );
      await kubectl("delete", "deployment", "web");
      await kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s");
    });

    test("delete namespace", async () => {
      await cluster().kubectl(["delete", "namespace", namespace, "--timeout=90s"], { version });
      assert.match(await cluster().kubectlFails(["get", "namespace", namespace], { version }), /NotFound/);
    });
  });
}
