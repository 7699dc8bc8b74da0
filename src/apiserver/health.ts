/** /healthz, /livez, /readyz with named checks. upstream: apiserver/pkg/server/healthz/healthz.go */
import type { Answer, ApiCall } from "./request/call.ts";

export interface HealthCheck {
  /** "etcd", "poststarthook/rbac/bootstrap-roles" */
  readonly name: string;
  /** Being alive doesn't depend on it: it counts for /readyz only. */
  readonly isReadinessOnly: boolean;
  /** Being alive doesn't depend on it yet: /livez takes it for healthy. */
  isExcusedAlive?(): boolean;
  /** Undefined: healthy. The reason is logged, and shown only to who asks for this check by its name. */
  check(): Promise<string | undefined> | string | undefined;
}

export interface HealthOptions {
  readonly onFailure: (check: string, reason: string) => void;
  /** Each time that a check was asked. `root`: "healthz", "livez", "readyz". */
  readonly onResult: (root: string, check: string, isHealthy: boolean) => void;
}

const roots = ["healthz", "livez", "readyz"];

/** Undefined for a path that isn't about health: each has one form, without a slash at its end. */
export async function health(
  call: Pick<ApiCall, "path" | "query" | "handled">,
  checks: readonly HealthCheck[],
  options: HealthOptions,
): Promise<Answer | undefined> {
  const { path, query } = call;
  const [root = "", ...rest] = path.split("/").slice(1);
  if (!roots.includes(root)) return undefined;
  const counted = checksOf(root, checks);
  if (rest.length === 0) {
    call.handled?.();
    return report(root, counted, query, options);
  }
  const one = counted.find(({ name }) => name === rest.join("/"));
  return one === undefined ? undefined : single(root, one, options);
}

const checksOf = (root: string, checks: readonly HealthCheck[]): readonly HealthCheck[] =>
  root === "readyz" ? checks : checks.filter(({ isReadinessOnly }) => !isReadinessOnly);

/** Where each root and each of its checks is found. */
export const healthPaths = (checks: readonly HealthCheck[]): string[] =>
  roots.flatMap((root) => [`/${root}`, ...checksOf(root, checks).map(({ name }) => `/${root}/${name}`)]);

async function asked(
  root: string,
  check: HealthCheck,
  { onFailure, onResult }: HealthOptions,
): Promise<string | undefined> {
  const isExcused = root === "livez" && check.isExcusedAlive?.() === true;
  const reason = isExcused ? undefined : await check.check();
  onResult(root, check.name, reason === undefined);
  if (reason !== undefined) onFailure(check.name, reason);
  return reason;
}

async function single(root: string, check: HealthCheck, options: HealthOptions): Promise<Answer> {
  const reason = await asked(root, check, options);
  return reason === undefined ? plain(200, "ok") : plain(500, `internal server error: ${reason}\n`);
}

async function report(
  root: string,
  checks: readonly HealthCheck[],
  query: URLSearchParams,
  options: HealthOptions,
): Promise<Answer> {
  const excluded = new Set(query.getAll("exclude"));
  let failed = 0;
  const lines = await Promise.all(
    checks.map(async (check) => {
      const { name } = check;
      if (excluded.has(name)) return `[+]${name} excluded: ok`;
      const reason = await asked(root, check, options);
      if (reason === undefined) return `[+]${name} ok`;
      failed++;
      return `[-]${name} failed: reason withheld`;
    }),
  );
  const unknown = [...excluded].filter((each) => checks.every(({ name }) => name !== each));
  if (unknown.length > 0) lines.push(cannotExclude(unknown.toSorted()));
  if (failed > 0) return plain(500, `${lines.join("\n")}\n${root} check failed\n`);
  return plain(200, query.has("verbose") ? `${lines.join("\n")}\n${root} check passed\n` : "ok");
}

const cannotExclude = (names: readonly string[]): string =>
  `warn: some health checks cannot be excluded: no matches for ${names.map((name) => JSON.stringify(name)).join(",")}`;

const plain = (status: number, body: string): Answer => ({
  kind: "raw",
  status,
  headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  body,
});
