/** An auditor as the options want it. */
import { readFile } from "node:fs/promises";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import type { CertificateFaults } from "#apiserver/connect/server-certificate.ts";
import { loadKubeconfig } from "#client/kubeconfig.ts";
import { Auditor, type AuditorDeps } from "./auditor.ts";
import { BufferedSink, type BatchOptions } from "./buffered-sink.ts";
import { openLogBackend, type LogBackendOptions } from "./log-backend.ts";
import { AuditPolicyError, parseAuditPolicy } from "./policy.ts";
import {
  BlockingSink,
  type AuditBackend,
  type AuditMode,
  type AuditSink,
  type BlockingOptions,
} from "./sink.ts";
import { TruncatingSink, type TruncateOptions } from "./truncating-sink.ts";
import { WebhookBackend, type WebhookBackendOptions } from "./webhook-backend.ts";

interface WayOptions {
  readonly mode: AuditMode;
  /** For the mode "batch". */
  readonly batch: BatchOptions;
  /** Undefined: events are told whole, whatever their size. */
  readonly truncate: TruncateOptions | undefined;
}

export interface AuditLogOptions extends WayOptions, LogBackendOptions {}

export interface AuditWebhookOptions extends WayOptions, WebhookBackendOptions {
  readonly kubeconfig: string;
}

export interface AuditOptions {
  readonly policyFile: string;
  readonly log?: AuditLogOptions | undefined;
  readonly webhook?: AuditWebhookOptions | undefined;
}

interface Deps extends Pick<AuditorDeps, "clock" | "read" | "written" | "metrics"> {
  readonly log: Logger;
  readonly random: Random;
  readonly certificateFaults?: CertificateFaults | undefined;
}

/** Throws AuditPolicyError and KubeconfigError. */
export async function openAuditor({ policyFile, log, webhook }: AuditOptions, deps: Deps): Promise<Auditor> {
  const policy = parseAuditPolicy(policyFile, await policyText(policyFile));
  const sinks: AuditSink[] = [];
  if (log !== undefined) {
    // A line that the system has taken is as good as told: requests needn't wait for each.
    const way = { until: "room", underWayMax: 1 } as const;
    sinks.push(sinkOf(log, way, await openLogBackend(log, deps), deps));
  }
  if (webhook !== undefined) {
    const access = await loadKubeconfig(webhook.kubeconfig, deps.clock);
    const backend = new WebhookBackend(webhook, {
      ...deps,
      hook: new KubeconfigHook(access, deps.clock, deps.certificateFaults),
    });
    sinks.push(sinkOf(webhook, { until: "delivery", underWayMax: webhookUnderWayMax }, backend, deps));
  }
  return new Auditor(policy, { ...deps, sinks });
}

interface Way {
  /** What the mode "blocking" waits for. */
  readonly until: BlockingOptions["until"];
  readonly underWayMax: number;
}

/** Upstream has no bound but the throttle: ten a second, and one that fails takes minutes. */
const webhookUnderWayMax = 32;

function sinkOf(
  { mode, batch, truncate }: WayOptions,
  { until, underWayMax }: Way,
  backend: AuditBackend,
  deps: Deps,
): AuditSink {
  const sink =
    mode === "batch"
      ? new BufferedSink({ ...batch, underWayMax }, { ...deps, backend })
      : new BlockingSink({ until: mode === "blocking-strict" ? "success" : until }, backend);
  return truncate === undefined ? sink : new TruncatingSink(truncate, sink, deps);
}

async function policyText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new AuditPolicyError(path, `can't be read: ${errorText(error)}`, { cause: error });
  }
}
