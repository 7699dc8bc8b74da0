/** An auditor as the options want it. */
import { readFile } from "node:fs/promises";
import { errorText, type Logger } from "#base/log.ts";
import { KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import { loadKubeconfig } from "#client/kubeconfig.ts";
import { Auditor, type AuditorDeps, type AuditSink } from "./auditor.ts";
import { openLogSink, type LogSinkOptions } from "./log-sink.ts";
import { AuditPolicyError, parseAuditPolicy } from "./policy.ts";
import { WebhookSink } from "./webhook-sink.ts";

export interface AuditOptions {
  readonly policyFile: string;
  readonly log?: LogSinkOptions | undefined;
  readonly webhookKubeconfig?: string | undefined;
}

/** Throws AuditPolicyError and KubeconfigError. */
export async function openAuditor(
  options: AuditOptions,
  deps: Pick<AuditorDeps, "clock" | "read" | "metrics"> & { readonly log: Logger },
): Promise<Auditor> {
  const policy = parseAuditPolicy(options.policyFile, await policyText(options.policyFile));
  const sinks: AuditSink[] = [];
  if (options.log !== undefined) sinks.push(await openLogSink(options.log, deps));
  if (options.webhookKubeconfig !== undefined) {
    const access = await loadKubeconfig(options.webhookKubeconfig, deps.clock);
    sinks.push(new WebhookSink({ ...deps, hook: new KubeconfigHook(access, deps.clock) }));
  }
  return new Auditor(policy, { ...deps, sinks });
}

async function policyText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new AuditPolicyError(path, `can't be read: ${errorText(error)}`, { cause: error });
  }
}
