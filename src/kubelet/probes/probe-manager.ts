/** The probes of all pods. upstream: pkg/kubelet/prober/prober_manager.go */
import type { Container, Pod, Probe } from "#api/generated/types/core-v1.ts";
import type { Clock } from "#base/clock.ts";
import { latestContainer, readySandbox, type PodRuntime } from "../pleg/pod-runtime.ts";
import type { PodEvents } from "../pods/events.ts";
import { initContainers, isSidecar, mainContainers, podUid, usesHostNetwork } from "../pods/pod.ts";
import type { PlanProbes } from "../pods/plan.ts";
import type { ContainerStatus } from "../runtime/runtime.ts";
import type { StatusProbes } from "../status/pod-status.ts";
import { runProbe, type ProbeActionDeps, type ProbeResult } from "./probe-action.ts";
import { ProbeWorker, type ProbeKind } from "./probe-worker.ts";
import type { Probes } from "./prober.ts";

export interface ProbeManagerDeps extends ProbeActionDeps {
  readonly clock: Clock;
  readonly events: PodEvents;
  readonly hostIPs: readonly string[];
  /** A verdict on one of the pod's containers changed. */
  readonly onVerdict: (uid: string) => void;
}

/** The probes of one running container. */
interface Probed {
  readonly containerId: string;
  readonly workers: ReadonlyMap<ProbeKind, ProbeWorker>;
  /** Known from before this kubelet started. */
  readonly hadStarted: boolean;
}

const titles: Readonly<Record<ProbeKind, string>> = {
  liveness: "Liveness",
  readiness: "Readiness",
  startup: "Startup",
};

const probesOf = (container: Container): readonly (readonly [ProbeKind, Probe])[] => {
  const all: readonly (readonly [ProbeKind, Probe | undefined])[] = [
    ["startup", container.startupProbe],
    ["liveness", container.livenessProbe],
    ["readiness", container.readinessProbe],
  ];
  return all.flatMap(([kind, probe]) => (probe === undefined ? [] : [[kind, probe] as const]));
};

const nanosPerMs = 1_000_000n;

export class ProbeManager implements Probes {
  readonly #deps: ProbeManagerDeps;
  /** By pod uid, then by container name. */
  readonly #pods = new Map<string, Map<string, Probed>>();

  constructor(deps: ProbeManagerDeps) {
    this.#deps = deps;
  }

  sync(pod: Pod, runtime: PodRuntime): void {
    const uid = podUid(pod);
    const probed = this.#pods.get(uid) ?? new Map<string, Probed>();
    for (const container of [...initContainers(pod).filter(isSidecar), ...mainContainers(pod)]) {
      const status = latestContainer(runtime, container.name);
      const known = probed.get(container.name);
      if (known !== undefined && (status?.state !== "running" || status.id !== known.containerId)) {
        stopAll(known);
        probed.delete(container.name);
      }
      if (status?.state !== "running" || probed.has(container.name)) continue;
      if (probesOf(container).length === 0) continue;
      probed.set(container.name, this.#start(pod, container, status, runtime));
    }
    if (probed.size > 0) this.#pods.set(uid, probed);
    else this.#pods.delete(uid);
  }

  stopRestarting(uid: string): void {
    for (const { workers } of this.#pods.get(uid)?.values() ?? []) {
      workers.get("liveness")?.stop();
      workers.get("startup")?.stop();
    }
  }

  forget(uid: string): void {
    for (const probed of this.#pods.get(uid)?.values() ?? []) stopAll(probed);
    this.#pods.delete(uid);
  }

  close(): void {
    for (const uid of this.#pods.keys()) this.forget(uid);
  }

  forPlan(pod: Pod): PlanProbes {
    const find = (id: string): Probed | undefined =>
      [...(this.#pods.get(podUid(pod))?.values() ?? [])].find(({ containerId }) => containerId === id);
    return {
      liveness: (id) => find(id)?.workers.get("liveness")?.verdict,
      startup: (id) => find(id)?.workers.get("startup")?.verdict,
      hasStarted: (container, status) => this.#hasStarted(pod, container.name, status.id),
    };
  }

  forStatus(pod: Pod): StatusProbes {
    return {
      hasStarted: (name, id) => this.#hasStarted(pod, name, id),
      isReady: (name, id) => this.#isReady(pod, name, id),
    };
  }

  #find(pod: Pod, name: string, containerId: string): Probed | undefined {
    const probed = this.#pods.get(podUid(pod))?.get(name);
    return probed?.containerId === containerId ? probed : undefined;
  }

  #hasStarted(pod: Pod, name: string, containerId: string): boolean {
    const probed = this.#find(pod, name, containerId);
    if (probed?.hadStarted === true) return true;
    const startup = probed?.workers.get("startup");
    if (startup !== undefined) return startup.verdict === true;
    return probed !== undefined || containerOf(pod, name)?.startupProbe === undefined;
  }

  #isReady(pod: Pod, name: string, containerId: string): boolean {
    if (containerOf(pod, name)?.readinessProbe === undefined) return true;
    return this.#find(pod, name, containerId)?.workers.get("readiness")?.verdict === true;
  }

  #start(pod: Pod, container: Container, status: ContainerStatus, runtime: PodRuntime): Probed {
    const uid = podUid(pod);
    const reported = [
      ...(pod.status?.containerStatuses ?? []),
      ...(pod.status?.initContainerStatuses ?? []),
    ].find(({ containerID }) => containerID?.endsWith(`://${status.id}`) === true);
    const hadStarted = reported?.started === true;
    const workers = new Map<ProbeKind, ProbeWorker>();
    const podIP = usesHostNetwork(pod) ? (this.#deps.hostIPs[0] ?? "") : (readySandbox(runtime)?.ip ?? "");
    for (const [kind, probe] of probesOf(container)) {
      if (kind === "startup" && hadStarted) continue;
      const options = {
        kind,
        probe,
        containerStartedMs: Number(status.startedAt / nanosPerMs),
        initial: kind === "readiness" && reported !== undefined ? reported.ready : undefined,
      };
      const target = { probe, container, containerId: status.id, podIP };
      const worker = new ProbeWorker(options, {
        clock: this.#deps.clock,
        run: () => runProbe(target, this.#deps),
        hasStarted: () => this.#hasStarted(pod, container.name, status.id),
        onRun: (ofKind, result) => {
          this.#say(pod, container, ofKind, result);
        },
        onVerdict: (ofKind, isGood) => {
          if (ofKind === "startup" && isGood) for (const other of workers.values()) other.hasten();
          this.#deps.onVerdict(uid);
        },
      });
      workers.set(kind, worker);
    }
    return { containerId: status.id, workers, hadStarted };
  }

  #say(pod: Pod, container: Container, kind: ProbeKind, { result, output }: ProbeResult): void {
    if (result === "success") return;
    const what = result === "failure" ? "failed" : "errored and resulted in unknown state";
    this.#deps.events.record(pod, {
      type: "Warning",
      reason: "Unhealthy",
      message: `${titles[kind]} probe ${what}: ${output}`,
      container: container.name,
    });
  }
}

function containerOf(pod: Pod, name: string): Container | undefined {
  return [...initContainers(pod), ...mainContainers(pod)].find((container) => container.name === name);
}

function stopAll({ workers }: Probed): void {
  for (const worker of workers.values()) worker.stop();
}
