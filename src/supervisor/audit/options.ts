/** --audit-*: what is told of requests, to whom, and how. upstream: apiserver/pkg/server/options/audit.go */
import { auditLogFormats, type AuditLogFormat } from "#apiserver/audit/event-line.ts";
import type { AuditLogOptions, AuditOptions, AuditWebhookOptions } from "#apiserver/audit/open-auditor.ts";
import { auditModes, type AuditMode } from "#apiserver/audit/sink.ts";
import type { OptionSpec } from "#base/options.ts";
import { specsOf } from "../flag-specs.ts";

const spec = specsOf("audit", "audit-");

interface Defaults {
  readonly mode: AuditMode;
  readonly batchMax: number;
  readonly batchWaitMs: number;
  readonly isThrottled: boolean;
  readonly perSecond: number;
  readonly burst: number;
}

const defaults: Readonly<Record<"log" | "webhook", Defaults>> = {
  log: { mode: "blocking", batchMax: 1, batchWaitMs: 0, isThrottled: false, perSecond: 0, burst: 0 },
  webhook: { mode: "batch", batchMax: 400, batchWaitMs: 30_000, isThrottled: true, perSecond: 10, burst: 15 },
};
const bufferMax = 10_000;
const eventMaxBytes = 102_400;
const batchMaxBytes = 10_485_760;
const initialBackoffMs = 10_000;
const version = "audit.k8s.io/v1";

const waySpecs = (to: "log" | "webhook"): readonly OptionSpec[] => {
  const { mode, batchMax, batchWaitMs, isThrottled, perSecond, burst } = defaults[to];
  return [
    spec(`${to}-mode`, "string", auditModes.join("|"), {
      defaultText: mode,
      text: "Keep events and tell many at once, or tell each while its request waits; strict: or is refused",
    }),
    spec(`${to}-batch-buffer-size`, "integer", "COUNT", {
      defaultText: String(bufferMax),
      text: "Events that are kept; more are lost",
    }),
    spec(`${to}-batch-max-size`, "integer", "COUNT", {
      defaultText: String(batchMax),
      text: "Events that are told at once",
    }),
    spec(`${to}-batch-max-wait`, "string", "DURATION", {
      defaultText: `${batchWaitMs / 1000}s`,
      text: "How long the first waits for others",
    }),
    spec(`${to}-batch-throttle-enable`, "boolean", "", {
      defaultText: String(isThrottled),
      text: "Whether the next two count",
    }),
    spec(`${to}-batch-throttle-qps`, "string", "NUMBER", {
      defaultText: String(perSecond),
      text: "How often in a second events are told",
    }),
    spec(`${to}-batch-throttle-burst`, "integer", "COUNT", {
      defaultText: String(burst),
      text: "How often at once after a pause",
    }),
    spec(`${to}-truncate-enabled`, "boolean", "", {
      text: "Tell large events without their objects, larger ones not at all",
    }),
    spec(`${to}-truncate-max-event-size`, "integer", "BYTES", {
      defaultText: String(eventMaxBytes),
      text: "What is too large for an event",
    }),
    spec(`${to}-truncate-max-batch-size`, "integer", "BYTES", {
      defaultText: String(batchMaxBytes),
      text: "Upstream's; at least that of an event",
    }),
    spec(`${to}-version`, "string", "VERSION", { defaultText: version, text: "Of the events" }),
  ];
};

/** The names are upstream's. */
export const auditSpecs: readonly OptionSpec[] = [
  spec("policy-file", "string", "FILE", {
    text: "Policy (audit.k8s.io/v1) that says which requests are told of, and how much",
  }),
  spec("log-path", "string", "FILE", {
    text: "File that takes a line of JSON for each event; - is standard output",
  }),
  spec("log-format", "string", auditLogFormats.join("|"), {
    defaultText: "json",
    text: "How its lines look",
  }),
  spec("log-maxsize", "integer", "MB", {
    defaultText: "100",
    text: "Put the file aside when it is about this big; 0: never",
  }),
  spec("log-maxbackup", "integer", "N", {
    defaultText: "0, which keeps all",
    text: "Files put aside that are kept",
  }),
  spec("log-maxage", "integer", "DAYS", {
    defaultText: "0, which keeps them for ever",
    text: "Days for which files put aside are kept",
  }),
  spec("log-compress", "boolean", "", { text: "Gzip files put aside" }),
  ...waySpecs("log"),
  spec("webhook-config-file", "string", "FILE", {
    text: "Kubeconfig of a server that takes events in batches",
  }),
  spec("webhook-initial-backoff", "string", "DURATION", {
    defaultText: "10s",
    text: "How long after a failure the next try comes; each further one waits longer",
  }),
  ...waySpecs("webhook"),
];

interface Values {
  text(name: string): string | undefined;
  flag(name: string): boolean;
  flagIfGiven(name: string): boolean | undefined;
  integer(name: string, fallback: number): number;
  duration(name: string, fallbackMs: number, leastMs: number): number;
  readonly faults: string[];
}

const dayMs = 24 * 3600 * 1000;
const megabyte = 1 << 20;

export function readAudit(values: Values): AuditOptions | undefined {
  const policyFile = values.text("audit-policy-file");
  const log = readLog(values);
  const webhook = readWebhook(values);
  if (policyFile !== undefined) return { policyFile, log, webhook };
  if (log !== undefined) values.faults.push("--audit-log-path needs --audit-policy-file");
  if (webhook !== undefined) values.faults.push("--audit-webhook-config-file needs --audit-policy-file");
  return undefined;
}

/** Undefined: there is none, and what is said of it isn't looked at. */
function readLog(values: Values): AuditLogOptions | undefined {
  const path = values.text("audit-log-path");
  if (path === undefined) return undefined;
  const format = values.text("audit-log-format") ?? "json";
  const way = readWay(values, "log");
  if (!auditLogFormats.includes(format as AuditLogFormat)) {
    values.faults.push(
      `invalid audit log format ${format}, allowed formats are ${JSON.stringify(auditLogFormats.join(","))}`,
    );
  }
  const count = (name: string, fallback: number): number => {
    const given = values.integer(`audit-log-${name}`, fallback);
    if (given < 0) values.faults.push(`--audit-log-${name} ${given} can't be a negative number`);
    return given;
  };
  return {
    ...way,
    path,
    format: format as AuditLogFormat,
    ageMaxMs: count("maxage", 0) * dayMs,
    backupsMax: count("maxbackup", 0),
    sizeMaxBytes: count("maxsize", 100) * megabyte,
    isCompressing: values.flag("audit-log-compress"),
  };
}

function readWebhook(values: Values): AuditWebhookOptions | undefined {
  const kubeconfig = values.text("audit-webhook-config-file");
  if (kubeconfig === undefined) return undefined;
  return {
    ...readWay(values, "webhook"),
    kubeconfig,
    initialBackoffMs: values.duration("audit-webhook-initial-backoff", initialBackoffMs, 0),
  };
}

type Way = Pick<AuditLogOptions, "mode" | "batch" | "truncate">;

function readWay(values: Values, to: "log" | "webhook"): Way {
  const mode = values.text(`audit-${to}-mode`) ?? defaults[to].mode;
  const batch = readBatch(values, to);
  const isKnown = auditModes.includes(mode as AuditMode);
  const fault = isKnown
    ? mode === "batch"
      ? batchFault(to, batch)
      : undefined
    : `invalid audit ${to} mode ${mode}, allowed modes are ${JSON.stringify(auditModes.join(","))}`;
  if (fault !== undefined) values.faults.push(fault);
  const truncate = readTruncate(values, to);
  if ((values.text(`audit-${to}-version`) ?? version) !== version) {
    values.faults.push(`invalid group version, allowed versions are ["${version}"]`);
  }
  return { mode: mode as AuditMode, batch, truncate };
}

function readBatch(values: Values, to: "log" | "webhook"): Way["batch"] {
  const own = defaults[to];
  const name = (rest: string): string => `audit-${to}-batch-${rest}`;
  const isThrottled = values.flagIfGiven(name("throttle-enable")) ?? own.isThrottled;
  return {
    bufferMax: values.integer(name("buffer-size"), bufferMax),
    batchMax: values.integer(name("max-size"), own.batchMax),
    batchWaitMs: values.duration(name("max-wait"), own.batchWaitMs, 0),
    throttle: isThrottled
      ? {
          perSecond: Number(values.text(name("throttle-qps")) ?? own.perSecond),
          burst: values.integer(name("throttle-burst"), own.burst),
        }
      : undefined,
  };
}

/** The first only, as upstream has it. */
function batchFault(to: string, { bufferMax: buffer, batchMax, throttle }: Way["batch"]): string | undefined {
  const must = (what: string, value: number): string | undefined =>
    value > 0 ? undefined : `invalid audit batch ${to} ${what} ${value}, must be a positive number`;
  return (
    must("buffer size", buffer) ??
    must("max batch size", batchMax) ??
    (throttle === undefined
      ? undefined
      : (must("throttle QPS", throttle.perSecond) ?? must("throttle burst", throttle.burst)))
  );
}

function readTruncate(values: Values, to: "log" | "webhook"): Way["truncate"] {
  const eventMax = values.integer(`audit-${to}-truncate-max-event-size`, eventMaxBytes);
  const batchMax = values.integer(`audit-${to}-truncate-max-batch-size`, batchMaxBytes);
  if (eventMax <= 0) {
    values.faults.push(`invalid audit truncate ${to} max event size ${eventMax}, must be a positive number`);
  } else if (batchMax < eventMax) {
    values.faults.push(
      `invalid audit truncate ${to} max batch size ${batchMax}, must be greater than max event size (${eventMax})`,
    );
  }
  return values.flag(`audit-${to}-truncate-enabled`) ? { eventMaxBytes: eventMax } : undefined;
}
