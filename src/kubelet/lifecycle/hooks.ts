/** postStart and preStop. upstream: pkg/kubelet/lifecycle/handlers.go */
import type { Container, LifecycleHandler } from "#api/generated/types/core-v1.ts";
import type { Clock } from "#base/clock.ts";
import { errorText } from "#base/log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { httpTarget, resolvePort, type NetworkActions } from "./network-actions.ts";

export interface HookDeps {
  readonly runtime: Runtime;
  readonly network: NetworkActions;
  readonly clock: Clock;
}

export interface HookCall {
  readonly handler: LifecycleHandler;
  readonly container: Container;
  readonly containerId: string;
  readonly podIP: string;
  readonly timeoutMs: number;
}

export class HookError extends Error {
  override readonly name = "HookError";
  readonly code = "HOOK_FAILED";
}

/** Resolves when the hook succeeded; throws HookError with upstream's text. */
export async function runHook(call: HookCall, deps: HookDeps, signal: AbortSignal): Promise<void> {
  const { handler, container, podIP, timeoutMs } = call;
  if (handler.exec !== undefined) await runExec(call, deps);
  else if (handler.httpGet !== undefined) {
    const target = httpTarget(handler.httpGet, container, podIP, "kube-lifecycle/1.35");
    try {
      const { status, body } = await deps.network.http(target, timeoutMs);
      if (status >= 400) throw new Error(`HTTP status ${status}: ${body}`);
    } catch (error) {
      throw new HookError(
        `HTTP lifecycle hook (${handler.httpGet.path ?? "/"}) for Container "${container.name}" failed - error: ${errorText(error)}`,
        { cause: error },
      );
    }
  } else if (handler.tcpSocket !== undefined) {
    const port = resolvePort(handler.tcpSocket.port, container);
    if (port === undefined) throw new HookError(`couldn't find port: ${String(handler.tcpSocket.port)}`);
    await deps.network.tcp(handler.tcpSocket.host ?? podIP, port, timeoutMs);
  } else if (handler.sleep !== undefined) {
    await deps.clock.sleep(Math.min(Number(handler.sleep.seconds) * 1000, timeoutMs), signal);
  }
}

async function runExec(
  { handler, container, containerId, timeoutMs }: HookCall,
  deps: HookDeps,
): Promise<void> {
  const command = handler.exec?.command ?? [];
  const describe = (why: string, output: string): string =>
    `Exec lifecycle hook (${JSON.stringify(command)}) for Container "${container.name}" failed - error: ${why}, message: ${JSON.stringify(output)}`;
  let output;
  try {
    output = await deps.runtime.execSync(containerId, command, timeoutMs);
  } catch (error) {
    throw new HookError(describe(errorText(error), ""), { cause: error });
  }
  if (output.exitCode !== 0) {
    const text = Buffer.concat([output.stdout, output.stderr]).toString();
    throw new HookError(describe(`command '${command.join(" ")}' exited with ${output.exitCode}`, text));
  }
}
