/** /healthz, /livez, /readyz with named checks. upstream: apiserver/pkg/server/healthz/healthz.go */
import type { Answer } from "./request/call.ts";

export interface HealthCheck {
  /** "etcd", "poststarthook/rbac/bootstrap-roles" */
  readonly name: string;
  /** Being alive doesn't depend on it: it counts for /readyz only. */
  readonly isReadinessOnly: boolean;
  /** Undefined: healthy. The reason is logged, never shown. */
  check(): Promise<string | undefined> | string | undefined;
}

export interface HealthOptions {
  readonly onFailure: (check: string, reason: string) => void;
  /** Each time that a check was asked. `root`: "healthz", "livez", "readyz". */
  readonly onResult: (root: string, check: string, isHealthy: boolean) => void;
}

const roots = ["healthz", "livez", "readyz"];

/** Undefined for a path that isn't about health. */
export async function health(
  path: string,
  query: URLSearchParams,
  checks: readonly HealthCheck[],
  { onFailure, onResult }: HealthOptions,
): Promise<Answer | undefined> {
  const [root = "", ...rest] = path.split("/").slice(1);
  if (!roots.includes(root)) return undefined;
  const name = rest.join("/").replace(/\/$/, "");
  const counted = root === "readyz" ? checks : checks.filter(({ isReadinessOnly }) => !isReadinessOnly);
  if (name !== "") {
    const one = counted.find((check) => check.name === name);
    if (one === undefined) return undefined;
    return report(root, [one], { query, onFailure, onResult, isSingle: true });
  }
  const excluded = new Set(query.getAll("exclude"));
  return report(
    root,
    counted.filter((check) => !excluded.has(check.name)),
    {
      query,
      onFailure,
      onResult,
      isSingle: false,
      excluded: counted.filter((check) => excluded.has(check.name)),
      unknown: [...excluded].filter((each) => counted.every((check) => check.name !== each)).toSorted(),
    },
  );
}

interface ReportOptions extends HealthOptions {
  readonly query: URLSearchParams;
  readonly isSingle: boolean;
  readonly excluded?: readonly HealthCheck[];
  /** Of those that were to be excluded. */
  readonly unknown?: readonly string[];
}

async function report(
  root: string,
  checks: readonly HealthCheck[],
  { query, onFailure, onResult, isSingle, excluded = [], unknown = [] }: ReportOptions,
): Promise<Answer> {
  const results = await Promise.all(
    checks.map(async (check) => ({ name: check.name, reason: await check.check() })),
  );
  const failed = results.filter(({ reason }) => reason !== undefined);
  for (const { name, reason } of results) onResult(root, name, reason === undefined);
  for (const { name, reason = "" } of failed) onFailure(name, reason);
  const lines = [
    ...excluded.map(({ name }) => `[+]${name} excluded: ok`),
    ...results.map(({ name, reason }) =>
      reason === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`,
    ),
    ...(unknown.length === 0 ? [] : [cannotExclude(unknown)]),
  ];
  if (failed.length > 0) {
    const text = isSingle
      ? "internal server error: reason withheld\n"
      : `${lines.join("\n")}\n${root} check failed\n`;
    return plain(500, text);
  }
  return plain(200, query.has("verbose") && !isSingle ? `${lines.join("\n")}\n${root} check passed\n` : "ok");
}

const cannotExclude = (names: readonly string[]): string =>
  `warn: some health checks cannot be excluded: no matches for ${names.map((name) => JSON.stringify(name)).join(",")}`;

const plain = (status: number, body: string): Answer => ({
  kind: "raw",
  status,
  headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  body,
});
