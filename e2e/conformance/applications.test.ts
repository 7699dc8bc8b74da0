/** What upstream's conformance demands of kubectl where something runs: applications of several parts, on a real node. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { eventually } from "../wait.ts";
import { at, type Json } from "./api-client.ts";
import { hasInOrder, Node, type Kubectl } from "./on-a-node.ts";

const waitMs = 60_000;
let node: Node;

suite("conformance: applications", { timeout: 500_000 }, () => {
  before(async () => {
    node = await Node.start();
  });
  after(() => node[Symbol.asyncDispose]());

  test("a guestbook is created, works, and is stopped", guestbook);
  suite("replication controllers that run", controllers);
  test("describe tells of a running controller, its pod, its service, the node and the namespace", described);
  test("services for a replication controller lead to its pod", exposed);
  test("logs are retrieved and filtered", logs);
});

interface Part {
  readonly name: string;
  readonly replicas: number;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
}

const parts: readonly Part[] = [
  { name: "replica", replicas: 2, port: 6379, labels: { app: "store", role: "replica", tier: "backend" } },
  { name: "primary", replicas: 1, port: 6379, labels: { app: "store", role: "primary", tier: "backend" } },
  { name: "frontend", replicas: 3, port: 80, labels: { app: "guestbook", tier: "frontend" } },
];

const nameOf = ({ name }: Part): string => (name === "frontend" ? name : `guestbook-${name}`);

const serviceOf = (part: Part): Json => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: nameOf(part), labels: part.labels },
  spec: { ports: [{ port: part.port }], selector: part.labels },
});

const deploymentOf = (part: Part): Json => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: nameOf(part) },
  spec: {
    replicas: part.replicas,
    selector: { matchLabels: part.labels },
    template: {
      metadata: { labels: part.labels },
      spec: {
        containers: [
          {
            name: part.name,
            image: "docker.io/mini/guestbook:1",
            args: [part.name],
            ports: [{ containerPort: part.port }],
            readinessProbe: { exec: { command: ["test", "-e", "/data/ready"] }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
});

async function guestbook(): Promise<void> {
  const kubectl = await node.namespace("guestbook");
  const objects = [...parts.map(serviceOf), ...parts.map(deploymentOf)];
  for (const object of objects) {
    const kind = object["kind"] === "Service" ? "service" : "deployment.apps";
    const created = `${kind}/${String(at(object, "metadata.name"))} created\n`;
    assert.equal(await kubectl(["create", "-f", "-"], object), created);
  }
  for (const part of parts) {
    await kubectl(["rollout", "status", `deployment/${nameOf(part)}`, "--timeout=90s"]);
  }
  const frontends = ["get", "pods", "-l", "app=guestbook,tier=frontend", "-o"];
  assert.equal(await kubectl([...frontends, "jsonpath={..status.phase}"]), "Running Running Running");

  const proxy = "/api/v1/namespaces/guestbook/services/frontend/proxy/cgi-bin/guestbook";
  const ask = (cmd: string, value: string): Promise<string> =>
    kubectl(["get", "--raw", `${proxy}?cmd=${cmd}&key=messages&value=${value}`]);
  const answers = (wanted: string, cmd: string, value: string): Promise<unknown> =>
    eventually(`${cmd} answers ${wanted}`, waitMs, async () => (await ask(cmd, value)) === wanted);
  await answers('{"data":""}', "get", "");
  assert.equal(await ask("set", "TestEntry"), '{"message":"Updated"}');
  assert.equal(await ask("get", ""), '{"data":"TestEntry"}');
  // Each replica has it from the primary.
  const stores = await podsOf(kubectl, "app=store");
  assert.equal(stores.length, 3);
  for (const pod of stores) {
    const path = `/api/v1/namespaces/guestbook/pods/${pod}:6379/proxy/cgi-bin/get?key=messages`;
    assert.equal(await kubectl(["get", "--raw", path]), '{"data":"TestEntry"}', pod);
  }
  for (const object of objects) await kubectl(["delete", "--grace-period=0", "--force", "-f", "-"], object);
  await nothingLeft(kubectl, "tier in (frontend, backend)");
}

const podsOf = async (kubectl: Kubectl, selector: string): Promise<string[]> =>
  (
    await kubectl([
      "get",
      "pods",
      "-l",
      selector,
      "-o",
      "template",
      "--template={{range.items}}{{.metadata.name}} {{end}}",
    ])
  )
    .split(" ")
    .filter(Boolean);

/** Nothing with these labels but pods on their way out. */
async function nothingLeft(kubectl: Kubectl, selector: string): Promise<void> {
  const living =
    'go-template={{ range .items }}{{ if not .metadata.deletionTimestamp }}{{ .metadata.name }}{{ "\\n" }}{{ end }}{{ end }}';
  await eventually("nothing is left", waitMs, async () => {
    const kinds = await kubectl(["get", "rc,svc,deployment,rs", "-l", selector, "--no-headers"]);
    return kinds === "" && (await kubectl(["get", "pods", "-l", selector, "-o", living])) === "";
  });
}

/** Serves the name of its picture as upstream's does. */
const demo = {
  apiVersion: "v1",
  kind: "ReplicationController",
  metadata: { name: "update-demo-nautilus" },
  spec: {
    replicas: 2,
    selector: { name: "update-demo", version: "nautilus" },
    template: {
      metadata: { labels: { name: "update-demo", version: "nautilus" } },
      spec: {
        containers: [
          {
            name: "update-demo",
            image: "docker.io/mini/httpd:1",
            command: ["sh", "-c", `echo '{"image": "nautilus.jpg"}' >/var/www/data.json; exec /serve`],
            ports: [{ containerPort: 80, protocol: "TCP" }],
          },
        ],
      },
    },
  },
};

/** So many pods of the demo, each with its container running, of the right image, and serving its data. */
async function demoRuns(kubectl: Kubectl, namespace: string, replicas: number): Promise<void> {
  const of = (pod: string, template: string): Promise<string> =>
    kubectl(["get", "pods", pod, "-o", "template", `--template=${template}`]);
  const isRunning =
    '{{if (exists . "status" "containerStatuses")}}{{range .status.containerStatuses}}{{if (and (eq .name "update-demo") (exists . "state" "running"))}}true{{end}}{{end}}{{end}}';
  const image =
    '{{if (exists . "spec" "containers")}}{{range .spec.containers}}{{if eq .name "update-demo"}}{{.image}}{{end}}{{end}}{{end}}';
  await eventually(`${replicas} pods serve`, waitMs, async () => {
    const pods = await podsOf(kubectl, "name=update-demo");
    if (pods.length !== replicas) return false;
    for (const pod of pods) {
      if ((await of(pod, isRunning)) !== "true") return false;
      assert.equal(await of(pod, image), "docker.io/mini/httpd:1");
      const data = await kubectl([
        "get",
        "--raw",
        `/api/v1/namespaces/${namespace}/pods/${pod}/proxy/data.json`,
      ]);
      assert.deepEqual(JSON.parse(data), { image: "nautilus.jpg" });
    }
    return true;
  });
}

const stop = async (kubectl: Kubectl): Promise<void> => {
  await kubectl(["delete", "--grace-period=0", "--force", "-f", "-"], demo);
  await nothingLeft(kubectl, "name=update-demo");
};

function controllers(): void {
  test("a replication controller is created, runs, and is stopped", async () => {
    const kubectl = await node.namespace("created");
    await kubectl(["create", "-f", "-"], demo);
    await demoRuns(kubectl, "created", 2);
    await stop(kubectl);
  });

  test("a replication controller that runs is scaled", async () => {
    const kubectl = await node.namespace("scaled");
    await kubectl(["create", "-f", "-"], demo);
    await demoRuns(kubectl, "scaled", 2);
    for (const count of [1, 2]) {
      await kubectl(["scale", "rc", "update-demo-nautilus", `--replicas=${count}`, "--timeout=5m"]);
      await demoRuns(kubectl, "scaled", count);
    }
    await stop(kubectl);
  });
}

const labels = { app: "store", role: "primary" };
const primary = {
  apiVersion: "v1",
  kind: "ReplicationController",
  metadata: { name: "store-primary", labels },
  spec: {
    replicas: 1,
    selector: labels,
    template: {
      metadata: { labels },
      spec: {
        containers: [
          {
            name: "store-primary",
            image: "docker.io/mini/guestbook:1",
            args: ["primary"],
            ports: [{ name: "store", containerPort: 6379 }],
          },
        ],
      },
    },
  },
};

async function primaryRuns(kubectl: Kubectl): Promise<string> {
  await kubectl(["create", "-f", "-"], primary);
  return eventually("its pod runs", waitMs, async () => {
    const running = ["-l", "app=store", "--field-selector=status.phase=Running"];
    const [pod] = (await kubectl(["get", "pods", ...running, "-o", "jsonpath={..metadata.name}"])).split(" ");
    return pod === "" ? undefined : pod;
  });
}

async function described(): Promise<void> {
  const kubectl = await node.namespace("described");
  const ports = [{ port: 6379, targetPort: "store" }];
  const metadata = { name: "store-primary", labels };
  await kubectl(["create", "-f", "-"], {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { ports, selector: labels },
  });
  const pod = await primaryRuns(kubectl);
  const image = ["Image:", "docker.io/mini/guestbook:1"];
  hasInOrder(await kubectl(["describe", "pod", pod]), [
    ["Name:", "store-primary-"],
    ["Namespace:", "described"],
    ["Node:", "n1/"],
    ["Labels:", "app=store"],
    ["role=primary"],
    ["Annotations:"],
    ["Status:", "Running"],
    ["IP:", "10.42."],
    ["Controlled By:", "ReplicationController/store-primary"],
    image,
    ["State:", "Running"],
    ["QoS Class:", "BestEffort"],
  ]);
  await eventually("the controller has seen it run", waitMs, async () => {
    const told = await kubectl(["describe", "rc", "store-primary"]);
    if (!told.includes("1 Running")) return false;
    hasInOrder(told, [
      ["Name:", "store-primary"],
      ["Namespace:", "described"],
      ["Selector:", "app=store,role=primary"],
      ["Labels:", "app=store"],
      ["role=primary"],
      ["Annotations:"],
      ["Replicas:", "1 current", "1 desired"],
      ["Pods Status:", "1 Running", "0 Waiting", "0 Succeeded", "0 Failed"],
      ["Pod Template:"],
      image,
      ["Events:"],
    ]);
    return true;
  });
  hasInOrder(await kubectl(["describe", "service", "store-primary"]), [
    ["Name:", "store-primary"],
    ["Namespace:", "described"],
    ["Labels:", "app=store"],
    ["role=primary"],
    ["Annotations:"],
    ["Selector:", "app=store", "role=primary"],
    ["Type:", "ClusterIP"],
    ["IP:", "10.43."],
    ["Port:", "<unset>", "6379/TCP"],
    ["Endpoints:", ":6379"],
    ["Session Affinity:", "None"],
  ]);
  hasInOrder(await kubectl(["describe", "node", "n1"]), [
    ["Name:", "n1"],
    ["Labels:"],
    ["Annotations:"],
    ["CreationTimestamp:"],
    ["Conditions:"],
    ["Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"],
    ["Addresses:"],
    ["Capacity:"],
    ["Kernel Version:"],
    ["OS Image:"],
    ["Container Runtime Version:", "embedded://"],
    ["Kubelet Version:", "v1.35."],
    ["Kube-Proxy Version:"],
    ["Pods:"],
  ]);
  hasInOrder(await kubectl(["describe", "namespace", "described"]), [
    ["Name:", "described"],
    ["Labels:"],
    ["Annotations:"],
    ["Status:", "Active"],
  ]);
  await kubectl(["delete", "rc", "store-primary", "--wait=false"]);
}

interface Slice {
  readonly endpoints?: readonly { readonly targetRef?: { readonly name?: string } }[];
  readonly ports?: readonly { readonly port?: number }[];
}

async function exposed(): Promise<void> {
  const kubectl = await node.namespace("exposed");
  const pod = await primaryRuns(kubectl);
  for (const [kind, from, name, port] of [
    ["rc", "store-primary", "rm2", 1234],
    ["service", "rm2", "rm3", 2345],
  ] as const) {
    const expose = ["expose", kind, from, `--name=${name}`, `--port=${port}`, "--target-port=6379"];
    assert.equal(await kubectl(expose), `service/${name} exposed\n`);
    await eventually(`${name} leads to the pod`, waitMs, async () => {
      const slices = ["get", "endpointslices", "-l", `kubernetes.io/service-name=${name}`, "-o", "json"];
      const { items } = JSON.parse(await kubectl(slices)) as { items: Slice[] };
      const found = items.flatMap(({ endpoints = [], ports = [] }) =>
        endpoints.map(({ targetRef }) => [targetRef?.name, ports.map((one) => one.port)]),
      );
      if (found.length === 0) return false;
      assert.deepEqual(found, [[pod, [6379]]]);
      return true;
    });
    const { spec } = JSON.parse(await kubectl(["get", "service", name, "-o", "json"])) as Json;
    assert.deepEqual(at(spec, "ports"), [{ protocol: "TCP", port, targetPort: 6379 }]);
    // What it leads to answers there.
    const path = `/api/v1/namespaces/exposed/services/${name}:${port}/proxy/cgi-bin/get?key=none`;
    assert.equal(await kubectl(["get", "--raw", path]), '{"data":""}');
  }
  await kubectl(["delete", "rc", "store-primary", "--wait=false"]);
}

async function logs(): Promise<void> {
  const kubectl = await node.namespace("logs");
  const line = "GET /api/v1/namespaces/kube-system";
  const script = `i=0; while true; do echo "$i ${line}"; i=$((i+1)); sleep 0.2; done`;
  await kubectl(["run", "generator", "--image=busybox:1.36", "--restart=Never", "--", "sh", "-c", script]);
  await kubectl(["wait", "--for=condition=Ready", "pod/generator", "--timeout=60s"]);
  const of = (...options: string[]): Promise<string> =>
    kubectl(["logs", "generator", "generator", ...options]);
  await eventually("it writes", waitMs, async () => (await of()).startsWith(`0 ${line}\n`));
  assert.match(await of("--tail=1"), /^\d+ GET \S+\n$/);
  assert.equal(await of("--limit-bytes=1"), "0");
  const [, stamp = ""] = /^(\S+) \d+ GET \S+\n$/.exec(await of("--tail=1", "--timestamps")) ?? [];
  assert.match(stamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
  // Its fifteenth line is three seconds after its first.
  await eventually("it has written for a while", waitMs, async () => (await of()).includes(`\n15 ${line}\n`));
  const recent = (await of("--since=1s")).split("\n");
  const older = (await of("--since=24h")).split("\n");
  assert.ok(recent.length < older.length, `${recent.length} of ${older.length}`);
  assert.equal(older[0], `0 ${line}`);
  assert.notEqual(recent[0], older[0]);
  await kubectl(["delete", "pod", "generator", "--now", "--wait=false"]);
}
