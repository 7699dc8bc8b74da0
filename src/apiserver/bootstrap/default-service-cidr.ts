/**
 * The ServiceCIDR `kubernetes`: the ranges that this server was told. One that is there isn't changed, but for a second
 * family that it gets; where it says something else than the server was told, an event says so, once.
 * upstream: pkg/controlplane/controller/defaultservicecidr
 */
import { isDeepStrictEqual } from "node:util";
import type { ServiceCIDR } from "#api/generated/types/networking-v1.ts";
import { serviceCidrs } from "#api/resources.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import { referenceTo, type EventRecorder } from "#client/events/recorder.ts";
import { ensureObject } from "./ensure-object.ts";

const name = "kubernetes";
/** Who the status says has written it, and the source of the events. */
export const defaultCidrManager = "kubernetes-service-cidr-controller";

export interface DefaultServiceCidrDeps {
  readonly client: () => Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
}

export class DefaultServiceCidr {
  readonly #cidrs: readonly string[];
  readonly #deps: DefaultServiceCidrDeps;
  readonly #told = new Set<string>();

  /** `cidrs`: one, or one of each family. */
  constructor(cidrs: readonly string[], deps: DefaultServiceCidrDeps) {
    this.#cidrs = cidrs;
    this.#deps = deps;
  }

  /** Throws when it can't be made; what is wrong with one that is there is only told. */
  async reconcile(signal: AbortSignal): Promise<void> {
    const resource = this.#deps.client().resource(serviceCidrs);
    await ensureObject(
      resource,
      name,
      (existing) => (existing === undefined ? this.#made() : undefined),
      signal,
    );
    const existing = await resource.get(name, signal);
    if (this.#isUpgraded(existing)) await this.#upgrade(existing);
    else await this.#judge(existing);
  }

  #made(): ServiceCIDR {
    return { metadata: { name }, spec: { cidrs: [...this.#cidrs] } };
  }

  #isUpgraded({ spec }: ServiceCIDR): boolean {
    const before = spec?.cidrs ?? [];
    return this.#cidrs.length === 2 && before.length === 1 && before[0] === this.#cidrs[0];
  }

  async #upgrade(existing: ServiceCIDR): Promise<void> {
    const spec = { ...existing.spec, cidrs: [...this.#cidrs] };
    try {
      await this.#deps
        .client()
        .resource(serviceCidrs)
        .update({ ...existing, spec });
    } catch (error) {
      const [first = ""] = this.#cidrs;
      this.#warn(
        existing,
        "KubernetesDefaultServiceCIDRError",
        `The default ServiceCIDR can not be upgraded from ${first} to dual stack ${shown(this.#cidrs)} : ${errorText(error)}`,
      );
    }
  }

  async #judge(existing: ServiceCIDR): Promise<void> {
    if (existing.metadata?.deletionTimestamp !== undefined) return;
    const cidrs = existing.spec?.cidrs ?? [];
    const ready = existing.status?.conditions?.find(({ type }) => type === "Ready");
    if (!isDeepStrictEqual(cidrs, this.#cidrs)) {
      this.#warn(
        existing,
        "KubernetesDefaultServiceCIDRInconsistent",
        `The default ServiceCIDR ${shown(cidrs)} does not match the controller flag configurations ${shown(this.#cidrs)}`,
      );
    } else if (ready?.status === "False") {
      this.#warn(existing, ready.reason, `Configuration matches, but ${ready.message}`);
    } else if (ready?.status !== "True") await this.#sayReady(existing);
  }

  async #sayReady(existing: ServiceCIDR): Promise<void> {
    const { client, clock } = this.#deps;
    const condition = {
      type: "Ready",
      status: "True",
      message: "Kubernetes default Service CIDR is ready",
      lastTransitionTime: toRfc3339(clock.now()),
    };
    const body = {
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name },
      status: { conditions: [condition] },
    };
    const options = { fieldManager: defaultCidrManager, force: true, subresource: "status" };
    try {
      await client().resource(serviceCidrs).patch(name, "apply", body, options);
    } catch (error) {
      this.#deps.log.warn("the default ServiceCIDR has no status", { error: errorText(error) });
      this.#warn(
        existing,
        "KubernetesDefaultServiceCIDRError",
        "The default ServiceCIDR Status can not be set to Ready=True",
      );
    }
  }

  #warn(about: ServiceCIDR, reason: string, message: string): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#deps.log.warn("the default ServiceCIDR isn't as this server was told", { reason, message });
    this.#deps.events.event(
      referenceTo(about, "ServiceCIDR", "networking.k8s.io/v1"),
      "Warning",
      reason,
      message,
    );
  }
}

/** As Go shows a list. */
const shown = (cidrs: readonly string[]): string => `[${cidrs.join(" ")}]`;
