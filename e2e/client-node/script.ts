/**
 * What a program with @kubernetes/client-node does, against a real server. Runs on the server's host.
 * Argument: a kubeconfig. Prints a JSON object, a member for each capability; any failure ends it with a stack.
 */
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  Exec,
  KubeConfig,
  Log,
  makeInformer,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  Watch,
  type V1ConfigMap,
  type V1Status,
} from "@kubernetes/client-node";
import { WebSocket } from "ws";
import { eventually } from "../wait.ts";

const namespace = "client-node";
const config = new KubeConfig();
config.loadFromFile(process.argv[2] ?? "");
const core = config.makeApiClient(CoreV1Api);
const apps = config.makeApiClient(AppsV1Api);
const mapsPath = `/api/v1/namespaces/${namespace}/configmaps`;
const labelSelector = "of=script";
const labels = { of: "script" };

/** A stream whose text is wanted. */
class Sink extends PassThrough {
  text = "";
  constructor() {
    super();
    this.on("data", (chunk: Buffer) => {
      this.text += chunk.toString();
    });
  }
}

async function informer(): Promise<object> {
  const seen: string[] = [];
  const list = (): Promise<{ items: V1ConfigMap[] }> =>
    core.listNamespacedConfigMap({ namespace, labelSelector });
  const maps = makeInformer<V1ConfigMap>(config, mapsPath, list, labelSelector);
  const errors: unknown[] = [];
  for (const verb of ["add", "update", "delete"] as const) {
    maps.on(verb, (map) => seen.push(`${verb} ${map.metadata?.name} ${map.data?.["step"]}`));
  }
  maps.on("error", (error) => errors.push(error));
  await core.createNamespacedConfigMap({
    namespace,
    body: { metadata: { name: "before", labels }, data: { step: "0" } },
  });
  await maps.start();
  const body = { metadata: { name: "watched", labels }, data: { step: "1" } };
  const made = await core.createNamespacedConfigMap({ namespace, body });
  const resourceVersion = made.metadata?.resourceVersion ?? "";
  await core.replaceNamespacedConfigMap({
    name: "watched",
    namespace,
    body: { metadata: { ...body.metadata, resourceVersion }, data: { step: "2" } },
  });
  await core.patchNamespacedConfigMap(
    { name: "watched", namespace, body: { data: { step: "3" } } },
    setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
  );
  await core.deleteNamespacedConfigMap({ name: "watched", namespace });
  await eventually("the informer has seen the end", 10_000, () =>
    Promise.resolve(seen.some((line) => line.startsWith("delete"))),
  );
  const cached = maps.list(namespace).map((map) => map.metadata?.name);
  await maps.stop();
  return { seen, cached, errors: errors.map(String) };
}

async function watch(): Promise<object> {
  const events: string[] = [];
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const list = await core.listNamespacedConfigMap({ namespace });
  const request = await new Watch(config).watch(
    mapsPath,
    { resourceVersion: list.metadata?.resourceVersion, allowWatchBookmarks: true },
    (phase, map: V1ConfigMap) => events.push(`${phase} ${map.metadata?.name}`),
    resolve,
  );
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: "seen" } } });
  await core.deleteNamespacedConfigMap({ name: "seen", namespace });
  await eventually("the watch has seen the end", 10_000, () => Promise.resolve(events.length >= 2));
  request.abort();
  await promise;
  return { events };
}

async function codeOf(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return "succeeded";
  } catch (error) {
    if (!(error instanceof ApiException)) throw error;
    const status = JSON.parse(String(error.body)) as V1Status;
    return `${error.code} ${status.reason}`;
  }
}

async function refusals(): Promise<object> {
  return {
    missing: await codeOf(core.readNamespacedPod({ name: "nobody", namespace })),
    twice: await codeOf(core.createNamespace({ body: { metadata: { name: namespace } } })),
    invalid: await codeOf(
      core.createNamespacedConfigMap({ namespace, body: { metadata: { name: "Not A Name" } } }),
    ),
  };
}

async function startPod(): Promise<void> {
  await core.createNamespacedPod({
    namespace,
    body: {
      metadata: { name: "web", labels: { app: "web" } },
      spec: {
        terminationGracePeriodSeconds: 0,
        tolerations: [{ operator: "Exists" }],
        containers: [
          {
            name: "httpd",
            image: "busybox:1.36",
            command: [
              "sh",
              "-c",
              "mkdir /www; echo served >/www/index.html; echo first; echo second; exec httpd -f -p 80 -h /www",
            ],
          },
        ],
      },
    },
  });
  await eventually("the pod runs", 30_000, async () => {
    const pod = await core.readNamespacedPod({ name: "web", namespace });
    return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  });
}

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: V1Status;
}

async function run(command: string[], input?: string): Promise<Ran> {
  const stdout = new Sink();
  const stderr = new Sink();
  const stdin = input === undefined ? null : new PassThrough();
  const { promise, resolve } = Promise.withResolvers<V1Status>();
  await new Exec(config).exec(namespace, "web", "httpd", command, stdout, stderr, stdin, false, resolve);
  stdin?.end(input);
  const status = await promise;
  return { stdout: stdout.text, stderr: stderr.text, status };
}

async function exec(): Promise<object> {
  return {
    output: await run(["sh", "-c", "echo out; echo err >&2"]),
    // Ends only when its input does.
    input: await run(["cat"], "a line\nand another\n"),
    failure: await run(["sh", "-c", "exit 7"]),
  };
}

async function logs(): Promise<object> {
  const read = async (options: object): Promise<string> => {
    const sink = new Sink();
    await new Log(config).log(namespace, "web", "httpd", sink, options);
    await once(sink, "end");
    return sink.text;
  };
  const followed = new Sink();
  await new Log(config).log(namespace, "web", "httpd", followed, { follow: true });
  await run(["sh", "-c", "echo later >/proc/1/fd/1"]);
  await eventually("the later line is followed", 10_000, () =>
    Promise.resolve(followed.text.includes("later")),
  );
  const all = await read({});
  const last = await read({ tailLines: 1 });
  const messages = await messagesOf(`/api/v1/namespaces/${namespace}/pods/web/log`);
  // Follows until there is no more container.
  const end = once(followed, "end");
  await core.deleteNamespacedPod({ name: "web", namespace });
  await end;
  return { all, last, messages, followed: followed.text };
}

/** As a page in a browser reads a log. */
async function messagesOf(path: string): Promise<string> {
  const options = {};
  await config.applyToHTTPSOptions(options);
  const url = `${config.getCurrentCluster()?.server ?? ""}${path}`;
  const socket = new WebSocket(url, ["binary.k8s.io"], options);
  let text = "";
  socket.on("message", (data: Buffer) => {
    text += data.toString();
  });
  await once(socket, "close");
  return text;
}

async function portForward(): Promise<object> {
  const output = new Sink();
  const errors = new Sink();
  const input = new PassThrough();
  const socket = await new PortForward(config).portForward(namespace, "web", [80], output, errors, input);
  input.write("GET / HTTP/1.0\r\n\r\n");
  await eventually("the answer comes through", 10_000, () => Promise.resolve(output.text.includes("served")));
  if (typeof socket !== "function") socket.close();
  return { answer: output.text, errors: errors.text };
}

async function scale(): Promise<object> {
  const template = {
    metadata: { labels: { app: "none" } },
    spec: { containers: [{ name: "none", image: "busybox:1.36" }] },
  };
  const spec = { replicas: 0, selector: { matchLabels: { app: "none" } }, template };
  await apps.createNamespacedDeployment({ namespace, body: { metadata: { name: "none" }, spec } });
  await eventually("the deployment is observed", 20_000, async () => {
    const { status } = await apps.readNamespacedDeployment({ name: "none", namespace });
    return status?.observedGeneration === 1;
  });
  const sets = await apps.listNamespacedReplicaSet({ namespace, labelSelector: "app=none" });
  const first = await apps.readNamespacedDeploymentScale({ name: "none", namespace });
  return { replicaSets: sets.items.length, replicas: first.spec?.replicas };
}

await core.createNamespace({ body: { metadata: { name: namespace } } });
await eventually("the default service account is there", 20_000, () =>
  core.readNamespacedServiceAccount({ name: "default", namespace }),
);
await startPod();
const report = {
  informer: await informer(),
  watch: await watch(),
  refusals: await refusals(),
  exec: await exec(),
  portForward: await portForward(),
  deployment: await scale(),
  logs: await logs(),
};
process.stdout.write(`${JSON.stringify(report)}\n`);
// The library keeps connections open that nobody can close.
await sleep(0);
process.exit(0);
