/** Small decisions about pods: names, DNS, quality of service, configuration. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Node, Pod } from "#api/generated/types/core-v1.ts";
import { ManualClock } from "#base/clock.ts";
import { rejectionOf } from "./admission.ts";
import type { ContainerConfig } from "../runtime/runtime.ts";
import { BackoffTable, durationText, elapsedText, restartBackoff } from "./backoff-table.ts";
import { containerConfig, cpuQuotaOf, cpuSharesOf, type ContainerInput } from "./container-config.ts";
import { parseResolvConf, podDns } from "./dns.ts";
import { hostNetworkHostsFile, hostsFile } from "./hosts-file.ts";
import { parseImageName } from "./image-name.ts";
import { credentialsFor } from "./pull-secrets.ts";
import { oomScoreAdjOf, podLimitMilli, podRequestMilli, qosClassOf } from "./qos.ts";
import { sandboxConfig } from "./sandbox-config.ts";

const podOf = (spec: Partial<Pod["spec"]>, metadata: Pod["metadata"] = {}): Pod => ({
  metadata: { name: "web", namespace: "shop", uid: "u-1", ...metadata },
  spec: { containers: [], ...spec },
});
const using = (resources: Container["resources"], name = "main"): Container => ({ name, resources });

test("back-off doubles to its limit and is forgotten after twice that time", () => {
  const clock = new ManualClock();
  const table = new BackoffTable(restartBackoff, clock);
  const delays: number[] = [];
  for (let i = 0; i < 7; i++) {
    table.next("pod_a", clock.now());
    delays.push(table.delayMs("pod_a") / 1000);
  }
  assert.deepEqual(delays, [10, 20, 40, 80, 160, 300, 300]);
  assert.equal(table.remainingMs("pod_a", clock.now()), 300_000);
  assert.equal(table.remainingMs("pod_a", clock.now() + 600_001), 0);
  table.next("pod_a", clock.now() + 600_001);
  assert.equal(table.delayMs("pod_a"), 10_000);
  table.forget("pod_");
  assert.equal(table.delayMs("pod_a"), 0);
});

test("durations read as Go prints them", () => {
  assert.deepEqual([10_000, 80_000, 300_000, 3_700_000].map(durationText), [
    "10s",
    "1m20s",
    "5m0s",
    "1h1m40s",
  ]);
  assert.deepEqual([250, 1234, 61_000].map(elapsedText), ["250ms", "1.234s", "1m1s"]);
});

const images: readonly (readonly [
  text: string,
  full: string | undefined,
  registry?: string,
  repository?: string,
])[] = [
  ["nginx", "nginx:latest", "docker.io", "library/nginx"],
  ["nginx:1.27", "nginx:1.27", "docker.io", "library/nginx"],
  ["bitnami/redis", "bitnami/redis:latest", "docker.io", "bitnami/redis"],
  ["localhost/app", "localhost/app:latest", "localhost", "app"],
  ["registry.local:5000/a/b:v1", "registry.local:5000/a/b:v1", "registry.local:5000", "a/b"],
  [`quay.io/x@sha256:${"a".repeat(64)}`, `quay.io/x@sha256:${"a".repeat(64)}`, "quay.io", "x"],
  ["UPPER", undefined],
  ["bad name", undefined],
  ["", undefined],
  ["a".repeat(64), undefined],
];
for (const [text, full, registry, repository] of images) {
  test(`image name ${text.slice(0, 40)}`, () => {
    const name = parseImageName(text);
    assert.deepEqual(name, full === undefined ? undefined : { full, registry, repository });
  });
}

const basic = (user: string): string => Buffer.from(`${user}:pw:with:colons`).toString("base64");

test("pull secrets: the most specific entry that fits comes first", () => {
  const config = {
    auths: {
      "https://registry.local:5000/v2/": { auth: basic("wide") },
      "registry.local:5000/team": { username: "narrow", password: "p" },
      "https://index.docker.io/v1/": { auth: basic("hub") },
      "*.example.com": { auth: basic("glob") },
    },
  };
  const secret = {
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify(config)).toString("base64") },
  };
  const users = (image: string): string[] => {
    const name = parseImageName(image);
    return name === undefined ? [] : credentialsFor(name, [secret]).map(({ username }) => username);
  };
  assert.deepEqual(users("registry.local:5000/team/app"), ["narrow", "wide"]);
  assert.deepEqual(users("registry.local:5000/teams"), ["wide"]);
  assert.deepEqual(users("nginx"), ["hub"]);
  assert.deepEqual(users("eu.example.com/app"), ["glob"]);
  assert.deepEqual(users("a.eu.example.com/app"), []);
  const broken = { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": "bm9uc2Vuc2U=" } };
  assert.deepEqual(credentialsFor({ full: "a", registry: "b", repository: "c" }, [broken]), []);
});

const cluster = { servers: ["10.43.0.10"], domain: "cluster.local" };
const host = parseResolvConf("# comment\nnameserver 192.168.1.1\nsearch lan.\noptions timeout:1 rotate\n");
const own = ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "lan"];
const dnsCases: readonly (readonly [
  name: string,
  spec: Partial<Pod["spec"]>,
  servers: string[],
  searches: string[],
  options: string[],
])[] = [
  ["ClusterFirst", {}, ["10.43.0.10"], own, ["ndots:5"]],
  [
    "ClusterFirst on the host's network is Default",
    { hostNetwork: true },
    ["192.168.1.1"],
    ["lan"],
    ["timeout:1", "rotate"],
  ],
  [
    "ClusterFirstWithHostNet",
    { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" },
    ["10.43.0.10"],
    own,
    ["ndots:5"],
  ],
  ["Default", { dnsPolicy: "Default" }, ["192.168.1.1"], ["lan"], ["timeout:1", "rotate"]],
  [
    "None with its own",
    {
      dnsPolicy: "None",
      dnsConfig: { nameservers: ["1.1.1.1"], searches: ["x"], options: [{ name: "edns0" }] },
    },
    ["1.1.1.1"],
    ["x"],
    ["edns0"],
  ],
  [
    "options are merged by name",
    { dnsConfig: { options: [{ name: "ndots", value: "2" }, { name: "edns0" }], searches: ["lan", "more"] } },
    ["10.43.0.10"],
    [...own, "more"],
    ["ndots:2", "edns0"],
  ],
  [
    "at most three servers",
    { dnsPolicy: "None", dnsConfig: { nameservers: ["1", "2", "3", "4"] } },
    ["1", "2", "3"],
    [],
    [],
  ],
];
for (const [name, spec, servers, searches, options] of dnsCases) {
  test(`resolv.conf: ${name}`, () => {
    assert.deepEqual(podDns(podOf(spec), cluster, host), { servers, searches, options });
  });
}

test("/etc/hosts names the pod, its domain and its aliases", () => {
  const aliases = [{ ip: "10.1.1.1", hostnames: ["db", "db.local"] }];
  const text = hostsFile({
    podIPs: ["10.42.0.5"],
    hostname: "web-0",
    domain: "web.shop.svc.cluster.local",
    aliases,
  });
  assert.match(text, /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
  assert.match(
    text,
    /\n10\.42\.0\.5\tweb-0\.web\.shop\.svc\.cluster\.local\tweb-0\n\n# Entries added by HostAliases\.\n10\.1\.1\.1\tdb\tdb\.local\n$/,
  );
  assert.equal(
    hostNetworkHostsFile("127.0.0.1 me\n", []),
    "# Kubernetes-managed hosts file (host network).\n127.0.0.1 me\n",
  );
});

const both = { cpu: "1", memory: "1Gi" };
const classes: readonly (readonly [name: string, containers: Container[], qos: string])[] = [
  ["nothing asked", [using({})], "BestEffort"],
  ["limits only are requests, too", [using({ limits: both })], "Guaranteed"],
  [
    "requests equal limits",
    [using({ requests: both, limits: { cpu: "1000m", memory: "1024Mi" } })],
    "Guaranteed",
  ],
  ["requests below limits", [using({ requests: { cpu: "1" }, limits: both })], "Guaranteed"],
  ["one container without", [using({ limits: both }), using({}, "b")], "Burstable"],
  ["only cpu", [using({ requests: { cpu: "1" } })], "Burstable"],
];
for (const [name, containers, qos] of classes) {
  test(`quality of service, ${name}: ${qos}`, () => {
    assert.equal(qosClassOf(podOf({ containers })), qos);
  });
}

test("a pod asks for its main containers and sidecars, or for the peak of an init container", () => {
  const sidecar = { ...using({ requests: { cpu: "200m" } }, "s"), restartPolicy: "Always" };
  const main = using({ requests: { cpu: "300m" } });
  const pod = (cpu: string): Pod =>
    podOf({
      initContainers: [sidecar, using({ requests: { cpu } }, "i")],
      containers: [main],
      overhead: { cpu: "10m" },
    });
  assert.equal(podRequestMilli(pod("100m"), "cpu"), 510n);
  assert.equal(podRequestMilli(pod("1"), "cpu"), 1210n);
  assert.equal(podLimitMilli(pod("1"), "cpu"), undefined, "without a limit there is none");
});

const score = (container: Container, spec: Partial<Pod["spec"]> = {}): number =>
  oomScoreAdjOf(podOf({ containers: [container], ...spec }), container, 10 * 1024 ** 3);

test("oom scores: guaranteed last, best effort first, burstable by its share of memory", () => {
  assert.equal(score(using({ limits: both })), -997);
  assert.equal(score(using({})), 1000);
  assert.equal(score(using({ requests: { memory: "1Gi" } })), 900);
  assert.equal(score(using({ requests: { memory: "1" } })), 999);
  assert.equal(score(using({}), { priority: 2_000_001_000 }), -997);
});

test("cpu in the kernel's terms", () => {
  assert.deepEqual([0, 100, 1000].map(cpuSharesOf), [2, 102, 1024]);
  assert.deepEqual([0, 1, 500, 2000].map(cpuQuotaOf), [0, 1000, 50_000, 200_000]);
});

const inputOf = (pod: Pod, container: Container): ContainerInput => ({
  pod,
  container,
  attempt: 2,
  kubeletRoot: "/root",
  image: { id: "sha256:x", reference: "app@sha256:y", user: "" },
  env: new Map([["PORT", "8080"]]),
  mounts: [],
  messageHostPath: "",
  targetId: "",
  memoryCapacityBytes: 1024 ** 3,
  oomScoreMin: 0,
});

test("a container's configuration: expanded command, clamped score, security of container over pod", () => {
  const pod = podOf({
    securityContext: {
      runAsUser: 5,
      runAsGroup: 6,
      fsGroup: 7,
      supplementalGroups: [8],
      seccompProfile: { type: "RuntimeDefault" },
    },
  });
  const config = containerConfig(
    inputOf(
      { ...pod, status: { qosClass: "Guaranteed" } },
      {
        name: "main",
        command: ["serve", "--port=$(PORT)"],
        resources: { limits: { cpu: "500m", memory: "64Mi" } },
        securityContext: { runAsUser: 9, allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        lifecycle: { stopSignal: "SIGQUIT" },
      },
    ),
  );
  assert.deepEqual(config.command, ["serve", "--port=8080"]);
  assert.equal(config.logPath, "main/2.log");
  assert.equal(config.stopSignal, "QUIT");
  assert.deepEqual(config.resources, {
    cpuPeriod: 100_000,
    cpuQuota: 50_000,
    cpuShares: 512,
    memoryLimit: 64 * 1024 ** 2,
    oomScoreAdj: 0,
  });
  const { runAsUser, runAsGroup, supplementalGroups, noNewPrivileges, seccomp, dropCapabilities } =
    config.security;
  assert.deepEqual(
    { runAsUser, runAsGroup, supplementalGroups, noNewPrivileges, seccomp, dropCapabilities },
    {
      runAsUser: 9,
      runAsGroup: 6,
      supplementalGroups: [8, 7],
      noNewPrivileges: true,
      seccomp: "runtime-default",
      dropCapabilities: ["ALL"],
    },
  );
  const guaranteed = podOf({ containers: [using({ limits: both })] });
  assert.equal(containerConfig(inputOf(guaranteed, using({ limits: both }))).resources.oomScoreAdj, 0);
});

test("the target's processes are seen by a container that would have had its own", () => {
  const container = { name: "debugger" };
  const pidOf = (spec: Partial<NonNullable<Pod["spec"]>>, targetId = "t"): ContainerConfig["pid"] =>
    containerConfig({ ...inputOf(podOf(spec), container), targetId }).pid;
  assert.deepEqual(pidOf({}), { target: "t" });
  assert.equal(pidOf({}, ""), "container");
  assert.equal(pidOf({ shareProcessNamespace: true }), "pod");
  assert.equal(pidOf({ hostPID: true }), "node");
});

const users: readonly (readonly [
  name: string,
  runAsUser: number | undefined,
  imageUser: string,
  fault: RegExp | undefined,
])[] = [
  ["root by the pod", 0, "", /^container's runAsUser breaks non-root policy/],
  ["root by the image", undefined, "", /^container has runAsNonRoot and image will run as root/],
  [
    "a name in the image",
    undefined,
    "app",
    /^container has runAsNonRoot and image has non-numeric user \(app\)/,
  ],
  ["a number in the image", undefined, "1000:1000", undefined],
  ["a number in the pod", 1000, "", undefined],
];
for (const [name, runAsUser, imageUser, fault] of users) {
  test(`runAsNonRoot with ${name}`, () => {
    const container: Container = {
      name: "main",
      securityContext: { runAsNonRoot: true, ...(runAsUser === undefined ? {} : { runAsUser }) },
    };
    const make = (): unknown =>
      containerConfig({
        ...inputOf(podOf({}), container),
        image: { id: "i", reference: "i", user: imageUser },
      });
    if (fault === undefined) assert.doesNotThrow(make);
    else assert.throws(make, { message: fault });
  });
}

const sandboxOf = (spec: Partial<Pod["spec"]>, name = "web"): ReturnType<typeof sandboxConfig> =>
  sandboxConfig({
    pod: podOf(spec, { name }),
    attempt: 0,
    kubeletRoot: "r",
    logDirectory: "/l",
    cgroupParent: "/k",
    clusterDomain: "cluster.local",
    dns: undefined,
  });

test("a sandbox's configuration: hostname, ports, namespaces, sysctls", () => {
  const long = sandboxOf({}, `${"a".repeat(62)}-bcd`);
  assert.equal(long.hostname, "a".repeat(62), "cut, and no dash at its end");
  const full = sandboxOf({
    hostname: "h",
    subdomain: "s",
    setHostnameAsFQDN: true,
    shareProcessNamespace: true,
    securityContext: { sysctls: [{ name: "net/ipv4/ip_forward", value: "1" }] },
  });
  assert.equal(full.hostname, "h.s.shop.svc.cluster.local");
  assert.deepEqual(full.namespaces, { network: "pod", pid: "pod", ipc: "pod" });
  assert.deepEqual(full.sysctls, { "net.ipv4.ip_forward": "1" });
  const containers = [
    { name: "main", ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] },
  ];
  assert.deepEqual(sandboxOf({ containers }).portMappings, [
    { protocol: "TCP", containerPort: 80, hostPort: 8080, hostIP: "" },
  ]);
  const shared = sandboxOf({ containers, hostNetwork: true, hostPID: true, hostIPC: true });
  assert.deepEqual(shared.portMappings, []);
  assert.deepEqual(shared.namespaces, { network: "node", pid: "node", ipc: "node" });
  assert.equal(shared.hostname, "");
});

const node: Node = {
  metadata: { name: "node-a", labels: { disk: "ssd", "kubernetes.io/os": "linux" } },
  spec: {
    taints: [
      { key: "sick", effect: "NoExecute" },
      { key: "full", effect: "NoSchedule" },
    ],
  },
  status: { allocatable: { cpu: "2", memory: "1Gi", pods: "2" } },
};
const tolerant = { tolerations: [{ operator: "Exists" }] };
const port = (hostIP?: string): Container => ({
  name: "main",
  ports: [{ containerPort: 80, hostPort: 80, ...(hostIP === undefined ? {} : { hostIP }) }],
});
const admissions: readonly (readonly [
  name: string,
  spec: Partial<Pod["spec"]>,
  others: Pod[],
  reason: string | undefined,
])[] = [
  ["that fits", tolerant, [], undefined],
  ["with too many beside it", tolerant, [podOf({}), podOf({})], "OutOfpods"],
  [
    "that asks for too much memory",
    { ...tolerant, containers: [using({ requests: { memory: "2Gi" } })] },
    [],
    "OutOfmemory",
  ],
  ["for another disk", { ...tolerant, nodeSelector: { disk: "hdd" } }, [], "NodeAffinity"],
  ["for this disk", { ...tolerant, nodeSelector: { disk: "ssd" } }, [], undefined],
  [
    "for another node by affinity",
    {
      ...tolerant,
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchFields: [{ key: "metadata.name", operator: "In", values: ["node-b"] }] },
            ],
          },
        },
      },
    },
    [],
    "NodeAffinity",
  ],
  [
    "whose port is taken",
    { ...tolerant, containers: [port()] },
    [podOf({ containers: [port("10.0.0.1")] })],
    "NodePorts",
  ],
  [
    "whose port is taken on another address",
    { ...tolerant, containers: [port("10.0.0.2")] },
    [podOf({ containers: [port("10.0.0.1")] })],
    undefined,
  ],
  ["that doesn't bear the node's taint", {}, [], "TaintToleration"],
  ["for Windows", { ...tolerant, os: { name: "windows" } }, [], "PodOSNotSupported"],
];
for (const [name, spec, others, reason] of admissions) {
  test(`admission of a pod ${name}: ${reason ?? "yes"}`, () => {
    assert.equal(rejectionOf({ pod: podOf(spec), others, node })?.reason, reason);
  });
}
