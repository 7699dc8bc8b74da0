import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerConfig } from "../runtime.ts";
import {
  capabilitiesOf,
  commandOf,
  containerSpec,
  resourcesSpec,
  type BundleInput,
  type MachineFacts,
} from "./bundle.ts";
import { parseCapabilities } from "./machine.ts";
import { seccompProfile } from "./seccomp.ts";

const machine: MachineFacts = {
  capabilities: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"],
  oomScoreAdjMin: 0,
  openFilesMax: 1024,
  hasUnifiedCgroups: true,
  arch: "x64",
  hasSeccomp: true,
};
const security: ContainerConfig["security"] = {
  privileged: false,
  addCapabilities: [],
  dropCapabilities: [],
  runAsUser: undefined,
  runAsGroup: undefined,
  runAsUsername: "",
  supplementalGroups: [],
  readonlyRootfs: false,
  noNewPrivileges: false,
  seccomp: "runtime-default",
};
const config: ContainerConfig = {
  name: "main",
  attempt: 0,
  image: "busybox",
  command: [],
  args: [],
  workingDir: "",
  env: [],
  mounts: [],
  devices: [],
  labels: {},
  annotations: {},
  logPath: "",
  stdin: false,
  stdinOnce: false,
  tty: false,
  resources: { cpuPeriod: 0, cpuQuota: 0, cpuShares: 0, memoryLimit: 0, oomScoreAdj: -997 },
  security,
  pid: "container",
  stopSignal: "",
};
const input = (changes: Partial<ContainerConfig>): BundleInput => ({
  id: "id",
  rootfs: "/rootfs",
  config: { ...config, ...changes },
  sandbox: {
    name: "pod",
    uid: "uid",
    namespace: "default",
    attempt: 0,
    hostname: "host",
    logDirectory: "/logs",
    dns: undefined,
    portMappings: [],
    labels: {},
    annotations: {},
    cgroupParent: "/kubepods/poduid",
    sysctls: {},
    namespaces: { network: "pod", pid: "container", ipc: "pod" },
  },
  files: {
    resolvConf: "/s/resolv.conf",
    hostname: "/s/hostname",
    shm: "/s/shm",
    netns: "/s/net",
    utsns: "/s/uts",
    ipcns: undefined,
    pidns: "/proc/1/ns/pid",
  },
  image: { env: ["PATH=/opt", "X=image"], entrypoint: ["/entry"], cmd: ["serve"], workingDir: "/srv" },
  user: { uid: 1, gid: 2, additionalGids: [2] },
  machine,
  devices: [],
});

interface Spec {
  readonly process: { readonly env: readonly string[]; readonly cwd: string; readonly oomScoreAdj: number };
  readonly mounts: readonly {
    readonly destination: string;
    readonly source: string;
    readonly options: readonly string[];
  }[];
  readonly linux: {
    readonly cgroupsPath: string;
    readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
    readonly maskedPaths: readonly string[];
    readonly rootfsPropagation: string;
    readonly resources: { readonly devices: readonly object[] };
    readonly seccomp?: object;
  };
}
const spec = (changes: Partial<ContainerConfig> = {}): Spec =>
  containerSpec(input(changes)) as unknown as Spec;

const commands: readonly [string, Partial<ContainerConfig>, readonly string[]][] = [
  ["the image's own", {}, ["/entry", "serve"]],
  ["args replace the image's arguments", { args: ["a"] }, ["/entry", "a"]],
  ["a command replaces both", { command: ["c"] }, ["c"]],
  ["a command with args", { command: ["c"], args: ["a"] }, ["c", "a"]],
];
for (const [name, changes, expected] of commands) {
  test(`commandOf: ${name}`, () => {
    assert.deepEqual(commandOf({ ...config, ...changes }, input({}).image), expected);
  });
}

const capabilities: readonly [string, Partial<ContainerConfig["security"]>, readonly string[]][] = [
  ["the usual ones, as far as the machine has them", {}, ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"]],
  ["dropped", { dropCapabilities: ["KILL"] }, ["CAP_CHOWN", "CAP_NET_RAW"]],
  [
    "all dropped, one added",
    { dropCapabilities: ["ALL"], addCapabilities: ["net_admin"] },
    ["CAP_NET_ADMIN"],
  ],
  [
    "added",
    { addCapabilities: ["CAP_SYS_ADMIN"] },
    ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  ],
  [
    "what the machine lacks can't be added",
    { addCapabilities: ["SYS_TIME"] },
    ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
  ],
  [
    "all added but one",
    { addCapabilities: ["ALL"], dropCapabilities: ["CHOWN"] },
    machine.capabilities.slice(1),
  ],
  ["privileged", { privileged: true, dropCapabilities: ["ALL"] }, machine.capabilities],
];
for (const [name, changes, expected] of capabilities) {
  test(`capabilitiesOf: ${name}`, () => {
    const given = capabilitiesOf({ ...config, security: { ...security, ...changes } }, machine);
    assert.deepEqual(given.toSorted(), expected.toSorted());
  });
}

test("the environment: the runtime's, then the image's, then the pod's", () => {
  const { env, cwd } = spec({ env: [{ name: "X", value: "pod=1" }], tty: true }).process;
  assert.deepEqual(env, ["PATH=/opt", "HOSTNAME=host", "TERM=xterm", "X=pod=1"]);
  assert.equal(cwd, "/srv");
});

test("an oom score the kernel would refuse is raised to what it allows", () => {
  assert.equal(spec().process.oomScoreAdj, 0);
});

const types = (changes: Partial<ContainerConfig>): string[] =>
  spec(changes).linux.namespaces.map(({ type, path }) => (path === undefined ? type : `${type}=${path}`));

test("namespaces are joined, made, or the host's", () => {
  const joined = ["mount", "network=/s/net", "uts=/s/uts"];
  assert.deepEqual(types({}), [...joined, "pid", "cgroup"]);
  assert.deepEqual(types({ pid: "pod" }), [...joined, "pid=/proc/1/ns/pid", "cgroup"]);
  assert.deepEqual(types({ pid: "node" }), [...joined, "cgroup"]);
});

test("mounts: the pod's replace the runtime's, outer ones come first", () => {
  const mount = { readonly: true, propagation: "bidirectional" as const };
  const mounts = [
    { ...mount, containerPath: "/data/inner", hostPath: "/h/inner" },
    { ...mount, containerPath: "/data/", hostPath: "/h/data" },
    { ...mount, containerPath: "/dev/shm", hostPath: "/h/shm" },
  ];
  const made = spec({ mounts });
  const destinations = made.mounts.map(({ destination }) => destination);
  assert(destinations.indexOf("/data") < destinations.indexOf("/data/inner"));
  assert.deepEqual(
    made.mounts.filter(({ destination }) => destination === "/dev/shm").map(({ source }) => source),
    ["/h/shm"],
  );
  assert.deepEqual(made.mounts.find(({ destination }) => destination === "/data")?.options, [
    "rbind",
    "rshared",
    "ro",
  ]);
  assert.equal(made.linux.rootfsPropagation, "rshared");
});

test("privileged: nothing masked, every device, no filter of system calls", () => {
  const { linux } = spec({ security: { ...security, privileged: true } });
  assert.deepEqual(linux.maskedPaths, []);
  assert.deepEqual(linux.resources.devices, [{ allow: true, access: "rwm" }]);
  assert.equal(linux.seccomp, undefined);
  assert.notEqual(spec().linux.seccomp, undefined);
  assert.equal(spec({ security: { ...security, seccomp: "unconfined" } }).linux.seccomp, undefined);
});

test("resources: zero leaves a value alone, memory brings its swap, quota may be negative", () => {
  const none = { cpuPeriod: 0, cpuQuota: 0, cpuShares: 0, memoryLimit: 0, oomScoreAdj: 0 };
  assert.deepEqual(resourcesSpec(none), { cpu: {}, memory: {} });
  assert.deepEqual(resourcesSpec({ ...none, cpuQuota: -1, cpuShares: 2, memoryLimit: 5 }), {
    cpu: { quota: -1, shares: 2 },
    memory: { limit: 5, swap: 5 },
  });
});

test("parseCapabilities: what is both permitted and not bounded away", () => {
  const status = "Name:\tx\nCapPrm:\t0000000000000023\nCapEff:\t0\nCapBnd:\t0000000000000021\n";
  assert.deepEqual(parseCapabilities(status), ["CAP_CHOWN", "CAP_KILL"]);
});

test("seccomp: a capability unlocks its calls, and clone3 is refused gently without CAP_SYS_ADMIN", () => {
  interface Profile {
    readonly syscalls: readonly {
      readonly names: readonly string[];
      readonly action: string;
      readonly errnoRet?: number;
    }[];
  }
  const usual = seccompProfile("x64", ["CAP_CHOWN"]) as Profile;
  const admin = seccompProfile("x64", ["CAP_SYS_ADMIN"]) as Profile;
  assert(!(usual.syscalls[0]?.names.includes("mount") ?? true));
  assert(admin.syscalls[0]?.names.includes("mount"));
  assert.equal(usual.syscalls.find(({ names }) => names.includes("clone3"))?.errnoRet, 38);
  assert.equal(admin.syscalls.find(({ names }) => names.includes("clone3"))?.action, "SCMP_ACT_ALLOW");
});
