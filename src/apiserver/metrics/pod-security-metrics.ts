/** How pods were judged by the security standards. upstream: pod-security-admission/metrics/metrics.go */
import type { Registry } from "prom-client";
import { SeriesCounter, type Count } from "./series-counter.ts";
import { alpha } from "./stability.ts";

/** What was asked for. */
export interface JudgedRequest {
  /** "CREATE", "UPDATE" */
  readonly operation: string;
  /** "pods", "deployments" */
  readonly resource: string;
  readonly subresource: string;
}

export interface PodVerdict {
  readonly isAllowed: boolean;
  readonly mode: "enforce" | "audit" | "warn";
  readonly level: string;
  /** The 34 of "v1.34"; undefined for "latest". */
  readonly minor: number | undefined;
}

/** Of this server; what is newer is none that it knows. */
const ownMinor = 35;

const versionOf = ({ level, minor }: PodVerdict): string => {
  if (minor === undefined || level === "privileged") return "latest";
  return minor > ownMinor ? "future" : `v1.${minor}`;
};

const labelsOf = ({ operation, resource, subresource }: JudgedRequest): Readonly<Record<string, string>> => ({
  request_operation: operation.toLowerCase(),
  resource: resource === "pods" ? "pod" : resource === "namespaces" ? "namespace" : "controller",
  subresource,
});

const requestLabels = ["request_operation", "resource", "subresource"];

export class PodSecurityMetrics {
  readonly #evaluations: SeriesCounter;
  readonly #errors: SeriesCounter;
  readonly #exemptions: SeriesCounter;
  /** Most pods are of namespaces that ask for nothing: by operation. */
  readonly #open = new Map<string, Count>();

  constructor(registry: Registry) {
    this.#evaluations = new SeriesCounter(
      {
        name: "pod_security_evaluations_total",
        help: alpha("Number of policy evaluations that occurred, not counting ignored or exempt requests."),
        labelNames: ["decision", "policy_level", "policy_version", "mode", ...requestLabels],
      },
      registry,
    );
    this.#errors = new SeriesCounter(
      {
        name: "pod_security_errors_total",
        help: alpha(
          "Number of errors preventing normal evaluation. Non-fatal errors may result in the latest restricted profile being used for evaluation.",
        ),
        labelNames: ["fatal", ...requestLabels],
      },
      registry,
    );
    this.#exemptions = new SeriesCounter(
      {
        name: "pod_security_exemptions_total",
        help: alpha("Number of exempt requests, not counting ignored or out of scope requests."),
        labelNames: requestLabels,
      },
      registry,
    );
  }

  /** Anything is allowed there. */
  open(request: JudgedRequest): void {
    const { operation, subresource } = request;
    if (subresource !== "") {
      this.#openCount(request).add();
      return;
    }
    let count = this.#open.get(operation);
    if (count === undefined) {
      count = this.#openCount(request);
      this.#open.set(operation, count);
    }
    count.add();
  }

  judged(request: JudgedRequest, verdict: PodVerdict): void {
    this.#count(request, verdict).add();
  }

  failed(request: JudgedRequest, isFatal: boolean): void {
    this.#errors.count({ fatal: String(isFatal), ...labelsOf(request) }).add();
  }

  /** Nobody looked at it: the configuration says so. */
  exempt(request: JudgedRequest): void {
    this.#exemptions.count(labelsOf(request)).add();
  }

  #openCount(request: JudgedRequest): Count {
    return this.#count(request, { isAllowed: true, mode: "enforce", level: "privileged", minor: undefined });
  }

  #count(request: JudgedRequest, verdict: PodVerdict): Count {
    return this.#evaluations.count({
      decision: verdict.isAllowed ? "allow" : "deny",
      policy_level: verdict.level,
      policy_version: versionOf(verdict),
      mode: verdict.mode,
      ...labelsOf(request),
    });
  }
}
