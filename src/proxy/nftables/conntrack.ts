/**
 * UDP has no end: a flow that was translated to a backend that is gone, or that was refused before there was one,
 * stays so in the kernel until it is forgotten. upstream: pkg/proxy/conntrack/cleanup.go
 */
import { exec, ExecError } from "#base/exec.ts";
import { isAbortError } from "#base/abort.ts";
import type { Logger } from "#base/log.ts";
import { frontendKey, type Frontend, type ProxyPlan } from "../plan.ts";

/** Arguments of `conntrack` for each kind of flow to forget. */
export function staleFlows(before: ProxyPlan | undefined, after: ProxyPlan): readonly (readonly string[])[] {
  const now = new Map(after.frontends.map((frontend) => [frontendKey(frontend), frontend]));
  const old = before?.frontends.filter(({ protocol }) => protocol === "udp") ?? [];
  const gone = old.flatMap((frontend) => {
    const left = new Set(now.get(frontendKey(frontend))?.backends.map(({ ip }) => ip));
    return frontend.backends
      .filter(({ ip }) => !left.has(ip))
      .map(({ ip }) => [...destination(frontend), "--dst-nat", ip]);
  });
  const served = new Set(old.filter(({ backends }) => backends.length > 0).map(frontendKey));
  const fresh = after.frontends
    .filter(({ protocol, backends }) => protocol === "udp" && backends.length > 0)
    .filter((frontend) => before !== undefined && !served.has(frontendKey(frontend)))
    .map(destination);
  return [...gone, ...fresh];
}

function destination({ ip, port }: Frontend): string[] {
  const address = ip === undefined ? [] : ["--orig-dst", ip];
  return ["-D", "-f", "ipv4", "-p", "udp", ...address, "--orig-port-dst", String(port)];
}

export async function forgetStaleFlows(
  before: ProxyPlan | undefined,
  after: ProxyPlan,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  for (const args of staleFlows(before, after)) {
    try {
      await exec("conntrack", args, { signal });
    } catch (error) {
      if (isAbortError(error, signal)) throw error;
      // 1: there was no such flow.
      if (error instanceof ExecError && error.exitCode === 1) continue;
      log.warn("UDP flows to old backends may linger until they time out", { error });
      return;
    }
  }
}
