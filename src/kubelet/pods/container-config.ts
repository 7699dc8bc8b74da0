/** What the runtime is told about a container. upstream: pkg/kubelet/kuberuntime/kuberuntime_container{,_linux}.go */
import { numberOf } from "#base/exact-json.ts";
import type { Container, Pod } from "#api/generated/types/core-v1.ts";
import { quantityMilli, quantityOf, quantityUnits } from "#api/meta/quantity.ts";
import { expand } from "../env/expansion.ts";
import type { ContainerConfig, ContainerSecurity, LinuxResources, Mount } from "../runtime/runtime.ts";
import { containerHash } from "./hash.ts";
import { containerAnnotations, containerLabels } from "./labels.ts";
import { podText } from "./pod.ts";
import { oomScoreAdjOf, requestOf } from "./qos.ts";
import { pidMode } from "./sandbox-config.ts";
import type { PresentImage } from "./image-policy.ts";
import { StartError } from "./start-error.ts";

export interface ContainerInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly kubeletRoot: string;
  readonly image: PresentImage;
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
  /** "" when there is no termination message file. */
  readonly messageHostPath: string;
  readonly memoryCapacityBytes: number;
  /** Whose processes an ephemeral container is to see: the id of that container, "" for none. */
  readonly targetId: string;
  /** The lowest score this process may give. */
  readonly oomScoreMin: number;
}

export function containerConfig(input: ContainerInput): ContainerConfig {
  const { pod, container, attempt, env } = input;
  const lookup = (name: string): string | undefined => env.get(name);
  const security = securityOf(input);
  return {
    name: container.name,
    attempt,
    image: input.image.id,
    command: (container.command ?? []).map((text) => expand(text, lookup)),
    args: (container.args ?? []).map((text) => expand(text, lookup)),
    workingDir: container.workingDir ?? "",
    env: [...env].map(([name, value]) => ({ name, value })),
    mounts: input.mounts,
    devices: [],
    labels: containerLabels(pod, container, input.kubeletRoot),
    annotations: containerAnnotations({
      hash: containerHash(container),
      image: container.image ?? "",
      imageReference: input.image.reference,
      restartCount: attempt,
      messagePath: container.terminationMessagePath ?? "/dev/termination-log",
      messageHostPath: input.messageHostPath,
      messagePolicy: container.terminationMessagePolicy ?? "File",
      podGraceSeconds: numberOf(pod.spec?.terminationGracePeriodSeconds),
    }),
    logPath: `${container.name}/${attempt}.log`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    resources: containerResources(pod, container, input),
    security,
    pid: pidOf(input),
    stopSignal: (container.lifecycle?.stopSignal ?? "").replace(/^SIG/, ""),
  };
}

/** upstream: pkg/kubelet/kuberuntime/security_context.go: only a namespace of its own gives way to the target's */
function pidOf({ pod, targetId }: ContainerInput): ContainerConfig["pid"] {
  const mode = pidMode(pod);
  return mode === "container" && targetId !== "" ? { target: targetId } : mode;
}

const sharesPerCpu = 1024;
const sharesMin = 2;
const sharesMax = 262_144;
const quotaPeriodMicros = 100_000;
const quotaMinMicros = 1000;

export const cpuSharesOf = (milli: number): number =>
  Math.min(sharesMax, Math.max(sharesMin, Math.floor((milli * sharesPerCpu) / 1000)));

/** 0: no limit. */
export const cpuQuotaOf = (milli: number): number =>
  milli === 0 ? 0 : Math.max(quotaMinMicros, Math.floor((milli * quotaPeriodMicros) / 1000));

export function containerResources(
  pod: Pod,
  container: Container,
  node: { readonly memoryCapacityBytes: number; readonly oomScoreMin: number },
): LinuxResources {
  const limits = container.resources?.limits;
  return {
    cpuPeriod: quotaPeriodMicros,
    cpuQuota: cpuQuotaOf(Number(quantityMilli(quantityOf(limits?.["cpu"])))),
    cpuShares: cpuSharesOf(Number(quantityMilli(quantityOf(requestOf(container, "cpu"))))),
    memoryLimit: Number(quantityUnits(quantityOf(limits?.["memory"]))),
    oomScoreAdj: Math.max(node.oomScoreMin, oomScoreAdjOf(pod, container, node.memoryCapacityBytes)),
  };
}

function securityOf(input: ContainerInput): ContainerSecurity {
  const { pod, container } = input;
  const own = container.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  const { add = [], drop = [] } = own.capabilities ?? {};
  const runAsUser = numberOf(own.runAsUser ?? shared.runAsUser);
  if (mustBeNonRoot(pod, container)) verifyNonRoot(input, runAsUser);
  const fsGroup = shared.fsGroup === undefined ? [] : [shared.fsGroup];
  return {
    privileged: own.privileged ?? false,
    addCapabilities: add,
    dropCapabilities: drop,
    runAsUser,
    runAsGroup: numberOf(own.runAsGroup ?? shared.runAsGroup),
    runAsUsername: "",
    supplementalGroups: [...new Set([...(shared.supplementalGroups ?? []), ...fsGroup].map(Number))],
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    seccomp: seccompOf(pod, container),
  };
}

const mustBeNonRoot = (pod: Pod, container: Container): boolean =>
  container.securityContext?.runAsNonRoot ?? pod.spec?.securityContext?.runAsNonRoot ?? false;

function seccompOf(pod: Pod, container: Container): ContainerSecurity["seccomp"] {
  const profile = container.securityContext?.seccompProfile ?? pod.spec?.securityContext?.seccompProfile;
  if (profile?.type === "Localhost") {
    throw new StartError(
      "CreateContainerConfigError",
      `seccomp profile "${profile.localhostProfile ?? ""}" of the node is not supported`,
    );
  }
  return profile?.type === "RuntimeDefault" ? "runtime-default" : "unconfined";
}

/** upstream: pkg/kubelet/kuberuntime/security_context_others.go verifyRunAsNonRoot */
function verifyNonRoot({ pod, container, image }: ContainerInput, runAsUser: number | undefined): void {
  const where = `(pod: "${podText(pod)}", container: ${container.name})`;
  const refuse = (text: string): never => {
    throw new StartError("CreateContainerConfigError", `${text} ${where}`);
  };
  if (runAsUser === 0) refuse("container's runAsUser breaks non-root policy");
  if (runAsUser !== undefined) return;
  const user = image.user.split(":")[0] ?? "";
  if (user === "" || user === "0") refuse("container has runAsNonRoot and image will run as root");
  if (!/^\d+$/.test(user)) {
    refuse(
      `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root`,
    );
  }
}
