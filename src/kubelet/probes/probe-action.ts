/** One probe, once. upstream: pkg/kubelet/prober/prober.go */
import type { Container, Probe } from "#api/generated/types/core-v1.ts";
import { errorText } from "#base/log.ts";
import { httpTarget, resolvePort, type NetworkActions } from "../lifecycle/network-actions.ts";
import { RuntimeError, type Runtime } from "../runtime/runtime.ts";
import type { GrpcHealth } from "./grpc-health.ts";

/** "unknown": the probe itself couldn't be made; it doesn't count. */
export interface ProbeResult {
  readonly result: "success" | "failure" | "unknown";
  readonly output: string;
}

export interface ProbeActionDeps {
  readonly runtime: Runtime;
  readonly network: NetworkActions;
  readonly grpc: GrpcHealth;
}

export interface ProbeTarget {
  readonly probe: Probe;
  readonly container: Container;
  readonly containerId: string;
  readonly podIP: string;
}

const triesMax = 3;
const outputCharsMax = 10 * 1024;
const userAgent = "kube-probe/1.35";

/** A probe that couldn't be made is made again at once, a few times. */
export async function runProbe(target: ProbeTarget, deps: ProbeActionDeps): Promise<ProbeResult> {
  let last: ProbeResult = { result: "unknown", output: "" };
  for (let tries = 0; tries < triesMax; tries++) {
    try {
      last = await probeOnce(target, deps);
    } catch (error) {
      last = { result: "unknown", output: errorText(error) };
    }
    if (last.result !== "unknown") break;
  }
  return last;
}

function probeOnce(target: ProbeTarget, deps: ProbeActionDeps): Promise<ProbeResult> {
  const { probe } = target;
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec !== undefined) return execProbe(target, probe.exec.command ?? [], timeoutMs, deps);
  if (probe.httpGet !== undefined) return httpProbe(target, timeoutMs, deps);
  if (probe.tcpSocket !== undefined) return tcpProbe(target, timeoutMs, deps);
  if (probe.grpc !== undefined) return grpcProbe(target, timeoutMs, deps);
  return Promise.resolve({ result: "unknown", output: `missing probe handler for ${target.container.name}` });
}

async function execProbe(
  { containerId }: ProbeTarget,
  command: readonly string[],
  timeoutMs: number,
  { runtime }: ProbeActionDeps,
): Promise<ProbeResult> {
  try {
    const { stdout, stderr, exitCode } = await runtime.execSync(containerId, command, timeoutMs);
    const output = Buffer.concat([stdout, stderr]).toString().slice(0, outputCharsMax);
    return { result: exitCode === 0 ? "success" : "failure", output };
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== "deadline") throw error;
    return {
      result: "failure",
      output: `command timed out: ${JSON.stringify(command.join(" "))} timed out after ${timeoutMs / 1000}s`,
    };
  }
}

async function httpProbe(
  { probe, container, podIP }: ProbeTarget,
  timeoutMs: number,
  { network }: ProbeActionDeps,
): Promise<ProbeResult> {
  const target = httpTarget(probe.httpGet ?? { port: 0 }, container, podIP, userAgent);
  try {
    const { status, body } = await network.http(target, timeoutMs);
    return status >= 200 && status < 400
      ? { result: "success", output: body }
      : { result: "failure", output: `HTTP probe failed with statuscode: ${status}` };
  } catch (error) {
    return { result: "failure", output: error instanceof Error ? error.message : errorText(error) };
  }
}

async function tcpProbe(
  { probe, container, podIP }: ProbeTarget,
  timeoutMs: number,
  { network }: ProbeActionDeps,
): Promise<ProbeResult> {
  const port = resolvePort(probe.tcpSocket?.port, container);
  if (port === undefined) throw new Error(`couldn't find port: ${String(probe.tcpSocket?.port)}`);
  const given = probe.tcpSocket?.host ?? "";
  try {
    await network.tcp(given === "" ? podIP : given, port, timeoutMs);
    return { result: "success", output: "" };
  } catch (error) {
    return { result: "failure", output: error instanceof Error ? error.message : errorText(error) };
  }
}

async function grpcProbe(
  { probe, podIP }: ProbeTarget,
  timeoutMs: number,
  { grpc }: ProbeActionDeps,
): Promise<ProbeResult> {
  const { port = 0, service = "" } = probe.grpc ?? {};
  const host = podIP.includes(":") ? `[${podIP}]` : podIP;
  const answer = await grpc(`http://${host}:${port}`, service, timeoutMs);
  return answer.isServing
    ? { result: "success", output: answer.text }
    : { result: "failure", output: answer.text };
}
