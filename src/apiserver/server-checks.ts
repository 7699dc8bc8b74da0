/** What this server is asked about its health by name. upstream: apiserver/pkg/server/{config,hooks}.go, apiserver/pkg/server/options/etcd.go */
import type { Clock } from "#base/clock.ts";
import { errorText } from "#base/log.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Store } from "#store/store.ts";
import type { HealthCheck } from "./health.ts";
import type { StartSteps } from "./start-steps.ts";

export interface ServerState {
  readonly store: Store;
  readonly clock: Clock;
  /** Of KMS plugins; undefined where nothing is encrypted. */
  readonly encryptionFault: (() => ReturnType<HealthCheck["check"]>) | undefined;
  readonly steps: StartSteps;
  /** What the server should know all of, and doesn't. */
  readonly unsynced: () => readonly ResourceRef[];
  isStopping(): boolean;
  /** Of other components. */
  readonly checks?: readonly HealthCheck[] | undefined;
}

/** upstream: --etcd-healthcheck-timeout */
const storeCheckMaxMs = 2000;

/** What is wrong with the store; a datastore far away may not answer at all. */
export async function checkStore(store: Store, clock: Clock): Promise<string | undefined> {
  const late = Promise.withResolvers<string>();
  const cancel = clock.after(storeCheckMaxMs, () => {
    late.resolve(`no answer within ${storeCheckMaxMs} ms`);
  });
  const reading = store.get("/registry/health").then(
    () => undefined,
    (error: unknown) => errorText(error),
  );
  try {
    return await Promise.race([reading, late.promise]);
  } finally {
    cancel();
  }
}

export function serverChecks(state: ServerState): readonly HealthCheck[] {
  const { store, clock, encryptionFault, checks = [] } = state;
  return [
    check("ping", false, () => undefined),
    check("log", false, () => undefined),
    check("etcd", false, () => checkStore(store, clock)),
    check("etcd-readiness", true, () => checkStore(store, clock)),
    state.steps.informerSync(state.unsynced),
    ...(encryptionFault === undefined ? [] : [check("kms-providers", false, encryptionFault)]),
    check("etcd-writes", true, () => store.writeFault?.message),
    ...state.steps.checks,
    check("shutdown", true, () => (state.isStopping() ? "process is shutting down" : undefined)),
    ...checks,
  ];
}

const check = (name: string, isReadinessOnly: boolean, run: HealthCheck["check"]): HealthCheck => ({
  name,
  isReadinessOnly,
  check: run,
});
