import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Container, PodSpec } from "#api/generated/types/core-v1.ts";
import type { PodLike } from "./check.ts";
import { detailsText, violationsOf } from "./evaluator.ts";
import type { Level, Minor } from "./levels.ts";

const hardened: Container["securityContext"] = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
};

const container = (name: string, more: Partial<Container> = {}): Container => ({
  name,
  image: "x",
  securityContext: hardened,
  ...more,
});

const pod = (spec: Partial<PodSpec>, annotations: Record<string, string> = {}): PodLike => ({
  annotations,
  spec: { containers: [container("a")], ...spec },
});

const context = (name: string, securityContext: Container["securityContext"]): Container =>
  container(name, { securityContext: { ...hardened, ...securityContext } });

const latest: Minor = undefined;

const cases: [string, Level, Minor, PodLike, string][] = [
  ["a hardened pod", "restricted", latest, pod({}), ""],
  ["privileged allows all", "privileged", latest, pod({ hostPID: true }), ""],
  [
    "a bare container",
    "restricted",
    latest,
    pod({ containers: [{ name: "x", image: "x" }] }),
    'allowPrivilegeEscalation != false (container "x" must set securityContext.allowPrivilegeEscalation=false), ' +
      'unrestricted capabilities (container "x" must set securityContext.capabilities.drop=["ALL"]), ' +
      'runAsNonRoot != true (pod or container "x" must set securityContext.runAsNonRoot=true), ' +
      'seccompProfile (pod or container "x" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
  [
    "two bare containers",
    "restricted",
    latest,
    pod({
      initContainers: [context("i", { allowPrivilegeEscalation: true })],
      containers: [context("c", { allowPrivilegeEscalation: true })],
    }),
    'allowPrivilegeEscalation != false (containers "i", "c" must set securityContext.allowPrivilegeEscalation=false)',
  ],
  [
    "namespaces of the host",
    "baseline",
    latest,
    pod({ hostPID: true, hostNetwork: true, hostIPC: true }),
    "host namespaces (hostIPC, hostNetwork, hostPID)",
  ],
  [
    "a path of the host, baseline",
    "baseline",
    latest,
    pod({ volumes: [{ name: "v", hostPath: { path: "/" } }] }),
    'hostPath volumes (volume "v")',
  ],
  [
    "a path of the host, restricted: said once",
    "restricted",
    latest,
    pod({
      volumes: [
        { name: "v", hostPath: { path: "/" } },
        { name: "n", nfs: { path: "/", server: "s" } },
        { name: "e", emptyDir: {} },
      ],
    }),
    'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")',
  ],
  [
    "ports of the host",
    "baseline",
    latest,
    pod({
      containers: [
        container("a", {
          ports: [
            { containerPort: 1, hostPort: 80 },
            { containerPort: 2, hostPort: 81 },
            { containerPort: 3 },
          ],
        }),
      ],
    }),
    'hostPort (container "a" uses hostPorts 80, 81)',
  ],
  [
    "a privileged container",
    "baseline",
    latest,
    pod({ containers: [context("a", { privileged: true })] }),
    'privileged (container "a" must not set securityContext.privileged=true)',
  ],
  [
    "capabilities beyond the usual",
    "baseline",
    latest,
    pod({ containers: [context("a", { capabilities: { add: ["NET_RAW", "CHOWN", "FOO"] } })] }),
    'non-default capabilities (container "a" must not include "FOO", "NET_RAW" in securityContext.capabilities.add)',
  ],
  [
    "capabilities, restricted",
    "restricted",
    latest,
    pod({ containers: [context("a", { capabilities: { add: ["NET_BIND_SERVICE", "CHOWN"] } })] }),
    'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "CHOWN" in securityContext.capabilities.add)',
  ],
  [
    "capabilities before 1.22: the baseline's",
    "restricted",
    21,
    pod({ containers: [context("a", { capabilities: { add: ["NET_RAW"] } })] }),
    'non-default capabilities (container "a" must not include "NET_RAW" in securityContext.capabilities.add)',
  ],
  [
    "probes to elsewhere",
    "baseline",
    latest,
    pod({
      containers: [
        container("a", {
          livenessProbe: { httpGet: { port: 1, host: "h" } },
          lifecycle: { preStop: { tcpSocket: { port: 1, host: "b" } } },
        }),
      ],
    }),
    'probe or lifecycle host (container "a" uses probe or lifecycle hosts "b", "h")',
  ],
  [
    "probes to elsewhere before 1.34",
    "baseline",
    33,
    pod({ containers: [container("a", { livenessProbe: { httpGet: { port: 1, host: "h" } } })] }),
    "",
  ],
  [
    "an unmasked /proc",
    "baseline",
    latest,
    pod({ containers: [context("a", { procMount: "Unmasked" })] }),
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    "an unmasked /proc in a user namespace",
    "baseline",
    latest,
    pod({ hostUsers: false, containers: [context("a", { procMount: "Unmasked" })] }),
    "",
  ],
  [
    "an unmasked /proc in a user namespace, restricted",
    "restricted",
    latest,
    pod({ hostUsers: false, containers: [context("a", { procMount: "Unmasked" })] }),
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    "an unmasked /proc in a user namespace before 1.35",
    "baseline",
    34,
    pod({ hostUsers: false, containers: [context("a", { procMount: "Unmasked" })] }),
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    "SELinux options",
    "baseline",
    latest,
    pod({
      securityContext: { seLinuxOptions: { type: "foo", user: "u" } },
      containers: [context("a", { seLinuxOptions: { role: "r", type: "bar" } })],
    }),
    'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: types "bar", "foo"; user may not be set; role may not be set)',
  ],
  [
    "the engine's SELinux type",
    "baseline",
    latest,
    pod({ securityContext: { seLinuxOptions: { type: "container_engine_t" } } }),
    "",
  ],
  [
    "the engine's SELinux type before 1.31",
    "baseline",
    30,
    pod({ securityContext: { seLinuxOptions: { type: "container_engine_t" } } }),
    'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
  ],
  [
    "seccomp off",
    "baseline",
    latest,
    pod({
      securityContext: { seccompProfile: { type: "Unconfined" } },
      containers: [context("a", { seccompProfile: { type: "Unconfined" } })],
    }),
    'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    "seccomp by annotation, 1.18",
    "baseline",
    18,
    pod({}, { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" }),
    'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  ],
  [
    "AppArmor off",
    "baseline",
    latest,
    pod(
      { containers: [context("a", { appArmorProfile: { type: "Unconfined" } })] },
      { "container.apparmor.security.beta.kubernetes.io/a": "unconfined" },
    ),
    'forbidden AppArmor profiles (container "a" and annotation must not set AppArmor profile type to "Unconfined", "container.apparmor.security.beta.kubernetes.io/a=\\"unconfined\\"")',
  ],
  [
    "sysctls",
    "baseline",
    28,
    pod({
      securityContext: {
        sysctls: [
          { name: "net.ipv4.tcp_rmem", value: "1" },
          { name: "kernel.shm_rmid_forced", value: "1" },
        ],
      },
    }),
    "forbidden sysctls (net.ipv4.tcp_rmem)",
  ],
  [
    "sysctls that became safe",
    "baseline",
    32,
    pod({ securityContext: { sysctls: [{ name: "net.ipv4.tcp_rmem", value: "1" }] } }),
    "",
  ],
  [
    "a process of a Windows host",
    "baseline",
    latest,
    pod({ securityContext: { windowsOptions: { hostProcess: true } } }),
    "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
  ],
  [
    "root by number",
    "restricted",
    latest,
    pod({ securityContext: { runAsUser: 0 }, containers: [context("a", { runAsUser: 0 })] }),
    'runAsUser=0 (pod and container "a" must not set runAsUser=0)',
  ],
  ["root by number before 1.23", "restricted", 22, pod({ securityContext: { runAsUser: 0 } }), ""],
  [
    "root by number in a user namespace",
    "restricted",
    latest,
    pod({ hostUsers: false, securityContext: { runAsUser: 0, runAsNonRoot: false } }),
    "",
  ],
  [
    "root allowed by the pod",
    "restricted",
    latest,
    pod({ securityContext: { runAsNonRoot: false } }),
    "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
  ],
  [
    "Windows knows no capabilities",
    "restricted",
    latest,
    pod({
      os: { name: "windows" },
      containers: [container("a", { securityContext: { runAsNonRoot: true } })],
    }),
    "",
  ],
  [
    "but did before 1.25",
    "restricted",
    24,
    pod({ os: { name: "windows" }, containers: [context("a", { capabilities: undefined })] }),
    'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])',
  ],
];

suite("pod security standards", () => {
  for (const [name, level, minor, given, expected] of cases) {
    test(`${level}: ${name}`, () => {
      assert.equal(detailsText(violationsOf({ level, minor }, given)), expected);
    });
  }
});
