/**
 * Nothing is written into namespaces that don't exist, nothing new into those that end, and some stay for ever.
 * upstream: apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go
 */
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { notFoundError, StatusError } from "#api/meta/status.ts";
import { namespaces } from "#api/resources.ts";
import type { Clock } from "#base/clock.ts";
import { LruCache } from "#pki/lru.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { concerns, refuse } from "../refuse.ts";

const immortal = new Set(["default", "kube-system", "kube-public"]);
/** For so long after its deletion the cache may still show a namespace as active. */
const distrustMs = 30_000;
const distrustedMax = 100;

export class NamespaceLifecycle implements AdmissionPlugin {
  readonly name = "NamespaceLifecycle";
  readonly #clock: Clock;
  readonly #namespaces: Lookup<Namespace>;
  readonly #distrustedUntil = new LruCache<number>(distrustedMax);

  constructor(deps: LookupDeps & { readonly clock: Clock }) {
    this.#clock = deps.clock;
    this.#namespaces = new Lookup(namespaces, deps);
  }

  handles(operation: Operation): boolean {
    return operation !== "CONNECT";
  }

  admit(attributes: AdmissionAttributes): Promise<void> | undefined {
    return this.#isAtHome(attributes) ? undefined : this.#judge(attributes);
  }

  /** In a namespace that is known to be there, and to stay. */
  #isAtHome(attributes: AdmissionAttributes): boolean {
    const { namespace } = attributes;
    if (concerns(attributes, "namespaces") || this.#isDistrusted(namespace)) return false;
    const known = this.#namespaces.lister.get(namespace);
    return known !== undefined && known.status?.phase !== "Terminating";
  }

  #isDistrusted(namespace: string): boolean {
    return (this.#distrustedUntil.get(namespace) ?? 0) > this.#clock.now();
  }

  async #judge(attributes: AdmissionAttributes): Promise<void> {
    if (concerns(attributes, "namespaces")) {
      this.#judgeNamespace(attributes);
      return;
    }
    if (attributes.namespace === "" || attributes.operation === "DELETE") return;
    if (concerns(attributes, "localsubjectaccessreviews.authorization.k8s.io")) return;
    const namespace = await this.#find(attributes.namespace);
    if (namespace === undefined) {
      throw notFoundError({ group: "", resource: "namespaces", name: attributes.namespace });
    }
    if (attributes.operation === "CREATE" && namespace.status?.phase === "Terminating") {
      throw terminating(attributes);
    }
  }

  #judgeNamespace(attributes: AdmissionAttributes): void {
    if (attributes.operation !== "DELETE") return;
    if (immortal.has(attributes.name)) throw refuse(attributes, "this namespace may not be deleted");
    this.#distrustedUntil.set(attributes.name, this.#clock.now() + distrustMs);
  }

  #find(name: string): Promise<Namespace | undefined> {
    return this.#isDistrusted(name) ? this.#namespaces.live(name) : this.#namespaces.get(name);
  }
}

function terminating(attributes: AdmissionAttributes): StatusError {
  const { namespace } = attributes;
  const { status } = refuse(
    attributes,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  return new StatusError({ ...status, details: { ...status.details, causes: [cause] } });
}
