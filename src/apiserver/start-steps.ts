/**
 * What a server does before it is whole, as checks of its health that bear the names of upstream's hooks and controllers.
 * upstream: what `kubectl get --raw '/readyz?verbose'` of kube-apiserver lists, in its order
 */
import type { Clock } from "#base/clock.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { HealthCheck } from "./health.ts";

/** Of these only where servers tell of themselves in Leases. */
const ofIdentity = "poststarthook/start-kube-apiserver-identity-lease-";

/** Where requests have priorities, and where they have none. */
const fairFilter = "poststarthook/priority-and-fairness-filter";
const limitFilter = "poststarthook/max-in-flight-filter";
const fairOnly = new Set(["poststarthook/priority-and-fairness-config-consumer", fairFilter]);

/** In the order in which they are done. */
export type StartStep = "informers" | "bootstrap" | "claims" | "servers" | "authentication" | "controllers";

const steps: readonly (readonly [name: string, step: StartStep])[] = [
  ["poststarthook/start-apiserver-admission-initializer", "informers"],
  ["poststarthook/generic-apiserver-start-informers", "informers"],
  ["poststarthook/priority-and-fairness-config-consumer", "informers"],
  [fairFilter, "informers"],
  [limitFilter, "informers"],
  ["poststarthook/start-apiextensions-informers", "informers"],
  ["poststarthook/start-apiextensions-controllers", "controllers"],
  ["poststarthook/crd-informer-synced", "informers"],
  ["poststarthook/start-system-namespaces-controller", "bootstrap"],
  ["poststarthook/start-cluster-authentication-info-controller", "authentication"],
  ["poststarthook/start-kube-apiserver-identity-lease-controller", "controllers"],
  ["poststarthook/start-kube-apiserver-identity-lease-garbage-collector", "controllers"],
  ["poststarthook/start-legacy-token-tracking-controller", "controllers"],
  ["poststarthook/start-service-ip-repair-controllers", "claims"],
  ["poststarthook/rbac/bootstrap-roles", "bootstrap"],
  ["poststarthook/scheduling/bootstrap-system-priority-classes", "bootstrap"],
  ["poststarthook/priority-and-fairness-config-producer", "bootstrap"],
  ["poststarthook/bootstrap-controller", "servers"],
  ["poststarthook/start-kubernetes-service-cidr-controller", "claims"],
  ["poststarthook/aggregator-reload-proxy-client-cert", "informers"],
  ["poststarthook/start-kube-aggregator-informers", "informers"],
  ["poststarthook/apiservice-status-local-available-controller", "controllers"],
  ["poststarthook/apiservice-status-remote-available-controller", "controllers"],
  ["poststarthook/apiservice-registration-controller", "controllers"],
  ["poststarthook/apiservice-discovery-controller", "controllers"],
  ["poststarthook/kube-apiserver-autoregistration", "controllers"],
  ["autoregister-completion", "controllers"],
  ["poststarthook/apiservice-openapi-controller", "controllers"],
  ["poststarthook/apiservice-openapiv3-controller", "controllers"],
];

export interface StartStepsOptions {
  /** For how long from now being alive doesn't depend on them. */
  readonly livezGraceMs: number;
  /** Whether this server has a Lease of its own. */
  readonly hasIdentityLease: boolean;
  /** Whether priority and fairness gives requests their turns. */
  readonly isFair: boolean;
}

export class StartSteps {
  readonly #clock: Pick<Clock, "now">;
  readonly #graceEnd: number;
  readonly #done = new Set<StartStep>();
  readonly #late = new Set<ResourceRef>();

  /** After the one of the informers. */
  readonly checks: readonly HealthCheck[];

  constructor({ livezGraceMs, hasIdentityLease, isFair }: StartStepsOptions, clock: Pick<Clock, "now">) {
    this.#clock = clock;
    this.#graceEnd = clock.now() + livezGraceMs;
    this.checks = steps
      .filter(([name]) => hasIdentityLease || !name.startsWith(ofIdentity))
      .filter(([name]) => (isFair ? name !== limitFilter : !fairOnly.has(name)))
      .map(([name, step]) => ({
        name,
        isReadinessOnly: false,
        isExcusedAlive: () => this.#clock.now() < this.#graceEnd,
        check: () => (this.#done.has(step) ? undefined : "not finished"),
      }));
  }

  done(step: StartStep): void {
    this.#done.add(step);
  }

  /** The informers follow what they can; for these there is nothing to read yet. */
  informersBut(late: readonly ResourceRef[]): void {
    for (const ref of late) this.#late.add(ref);
    this.done("informers");
  }

  /** Of readiness alone, before the others. */
  informerSync(unsynced: () => readonly ResourceRef[]): HealthCheck {
    return {
      name: "informer-sync",
      isReadinessOnly: true,
      check: () => {
        const missing = this.#missing(unsynced()).map(({ version, kind }) => `*${version}.${kind}`);
        if (missing.length === 0) return undefined;
        return `${missing.length} informers not started yet: [${missing.join(" ")}]`;
      },
    };
  }

  /** What was there once counts as known, whatever becomes of it. */
  #missing(unsynced: readonly ResourceRef[]): readonly ResourceRef[] {
    if (!this.#done.has("informers")) return unsynced;
    for (const ref of this.#late) if (!unsynced.includes(ref)) this.#late.delete(ref);
    return [...this.#late];
  }
}
