/** Probes and lifecycle hooks. upstream: pkg/apis/core/validation/validation.go (validateProbe, validateHandler) */
import type { HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkNonNegative, checkPort } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { headerNameFaults } from "../meta/names.ts";

type Handler = Loose<Pick<Probe & LifecycleHandler, "exec" | "httpGet" | "tcpSocket" | "grpc" | "sleep">>;

function checkHttpGet(action: Loose<HTTPGetAction>, path: string, faults: FaultList): void {
  if (action.path === undefined || action.path === "") faults.required(`${path}.path`);
  checkPort(action.port, `${path}.port`, faults);
  if (action.scheme !== "HTTP" && action.scheme !== "HTTPS") {
    faults.notSupported(`${path}.scheme`, action.scheme ?? "", ["HTTP", "HTTPS"]);
  }
  for (const { name = "" } of action.httpHeaders ?? []) {
    faults.messages(`${path}.httpHeaders`, name, headerNameFaults(name));
  }
}

function checkSleep(
  seconds: number | bigint,
  graceSeconds: number | bigint,
  path: string,
  faults: FaultList,
): void {
  if (seconds < 0 || seconds > graceSeconds) {
    faults.invalid(
      path,
      seconds,
      `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`,
    );
  }
}

const handlers = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const;

function checkOne(
  { exec, httpGet, tcpSocket, grpc, sleep }: Handler,
  graceSeconds: number | bigint,
  path: string,
  faults: FaultList,
): void {
  if (exec !== undefined && (exec.command ?? []).length === 0) faults.required(`${path}.command`);
  if (httpGet !== undefined) checkHttpGet(httpGet, path, faults);
  if (tcpSocket !== undefined) checkPort(tcpSocket.port, `${path}.port`, faults);
  if (grpc !== undefined) checkPort(grpc.port, `${path}.port`, faults);
  if (sleep !== undefined) checkSleep(sleep.seconds ?? 0, graceSeconds, path, faults);
}

/** Exactly one of them; the first is looked at, the others are forbidden. */
function checkHandler(
  handler: Handler,
  graceSeconds: number | bigint,
  path: string,
  faults: FaultList,
): void {
  let count = 0;
  for (const name of handlers) {
    if (handler[name] === undefined) continue;
    if (count > 0) faults.forbidden(`${path}.${name}`, "may not specify more than 1 handler type");
    else checkOne({ [name]: handler[name] }, graceSeconds, `${path}.${name}`, faults);
    count += 1;
  }
  if (count === 0) faults.required(path, "must specify a handler type");
}

export type ProbeKind = "livenessProbe" | "readinessProbe" | "startupProbe";

const seconds = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
] as const;

export function checkProbe(kind: ProbeKind, probe: Loose<Probe>, path: string, faults: FaultList): void {
  checkHandler(probe, 0, path, faults);
  for (const field of seconds) checkNonNegative(probe[field], `${path}.${field}`, faults);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    faults.invalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0");
  }
  if (kind !== "readinessProbe" && probe.successThreshold !== 1) {
    faults.invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, "must be 1");
  }
  if (kind === "readinessProbe" && grace !== undefined) {
    faults.invalid(`${path}.terminationGracePeriodSeconds`, grace, "must not be set for readinessProbes");
  }
}

export function checkLifecycle(
  { postStart, preStop }: Loose<Lifecycle>,
  graceSeconds: number | bigint,
  path: string,
  faults: FaultList,
): void {
  if (postStart !== undefined) checkHandler(postStart, graceSeconds, `${path}.postStart`, faults);
  if (preStop !== undefined) checkHandler(preStop, graceSeconds, `${path}.preStop`, faults);
}
