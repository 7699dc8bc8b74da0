/** All of the apiserver but its listening socket: registry, caches, chain, and the door for this process. */
import type { Registry } from "prom-client";
import type { Transport } from "#client/client.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import { ApiEventRecorder } from "#client/events/recorder.ts";
import { createClient } from "#client/rest.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Store } from "#store/store.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { ServiceCIDR } from "#api/generated/types/networking-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { GroupVersionResource } from "#api/meta/object.ts";
import type { Scheme } from "#api/scheme.ts";
import { removedReleaseOf } from "#api/warnings.ts";
import type { UserInfo } from "./authn/authenticator.ts";
import type { Authorizer } from "./authz/authorizer.ts";
import type { Admission } from "./admission/admission.ts";
import {
  ServerLeases,
  serverLeasesPath,
  type ServerAddress,
  type ServerLeasesDeps,
} from "./bootstrap/server-leases.ts";
import { LocalEndpoint } from "./local-endpoint.ts";
import { Bookmarks } from "./registry/bookmarks.ts";
import { CacheFeed } from "./registry/cache-feed.ts";
import { fieldManagerOf } from "./registry/field-managers.ts";
import { install, type Installed, type TypeValidation } from "./registry/install.ts";
import type { Convert } from "./registry/endpoint.ts";
import {
  ServiceAllocation,
  type AllocationClaims,
  type AllocationRanges,
} from "./registry/core/services/allocation.ts";
import type { AddressRange } from "./registry/core/services/address-range.ts";
import { AddressClaims, portClaimsPath, PortClaims } from "./registry/core/services/claims.ts";
import type { PortRange } from "./registry/core/services/port-range.ts";
import { ClaimRepair } from "./registry/core/services/repair.ts";
import { ServiceCidrRanges } from "./registry/core/services/service-ranges.ts";
import type { ResourceCache } from "./registry/resource-cache.ts";
import { ComparisonTimes } from "./metrics/comparison-times.ts";
import { RepairCounts } from "./metrics/repair-metrics.ts";
import { SigningMetrics } from "./metrics/signing-metrics.ts";
import { createSpecials, type SpecialsDeps } from "./registry/specials.ts";
import { createChain, type Chain, type ChainDeps } from "./request/chain.ts";
import type { StoredResource } from "./metrics/cache-metrics.ts";
import type { TypeSemantics } from "./request/semantics.ts";
import { CustomResources } from "./crd/custom-resources.ts";
import type { CustomParts } from "./crd/parts.ts";

/** What isn't a whole object of its own version. */
interface PartValidation {
  podPartUpdate(part: "ephemeralContainers" | "resources", pod: Pod, old: Pod): readonly FieldError[];
  approvalUpdate(request: AnyObject, old: AnyObject): readonly FieldError[];
  finalizeUpdate(namespace: AnyObject, old: AnyObject): readonly FieldError[];
}

const newEvent = { group: "events.k8s.io", version: "v1", kind: "Event" };

/** Tells of what is wrong with addresses. */
const repairUser: UserInfo = { name: "system:apiserver", groups: ["system:masters"] };

export interface AssemblyDeps extends Pick<
  SpecialsDeps,
  "issuer" | "connect" | "probes" | "tokens" | "definitionValidator" | "loadExpressions"
> {
  /** Addresses: of each family that the cluster has the range that this server was told, the default family's first. */
  readonly allocation: { readonly addresses: readonly AddressRange[]; readonly ports: PortRange };
  readonly store: Store;
  readonly isStale?: ((key: string, value: Buffer) => boolean) | undefined;
  readonly remembersAuthors?: boolean | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly scheme: Scheme;
  readonly semantics: TypeSemantics;
  readonly validation: TypeValidation & PartValidation;
  readonly convert: Convert;
  readonly authorizer: Authorizer;
  /** Of requests, when their authorization is measured. */
  readonly requestAuthorizer?: Authorizer | undefined;
  readonly admission: Admission;
  readonly outside: ChainDeps["outside"];
  readonly remote?: ChainDeps["remote"];
  readonly minRequestTimeoutMs: number;
  readonly registry?: Registry | undefined;
  readonly counts?: ClientCounts | undefined;
  readonly custom: CustomParts;
}

export class Assembly {
  readonly feed: CacheFeed;
  readonly installed: Installed;
  readonly chain: Chain;
  /** The same for who comes from outside, who doesn't see what --runtime-config turns off. */
  readonly outerChain: Chain;
  readonly outerRoutes: ChainDeps["routes"];
  readonly customResources: CustomResources;
  readonly #deps: AssemblyDeps;
  readonly #nodePorts: ResourceCache;
  readonly #serverLeases: ResourceCache;
  #allocation: ServiceAllocation | undefined;

  constructor(deps: AssemblyDeps) {
    this.#deps = deps;
    this.feed = new CacheFeed(deps);
    this.#serverLeases = this.feed.cache(serverLeasesPath, false);
    this.#nodePorts = this.feed.cache(portClaimsPath, false);
    const bookmarks = new Bookmarks(deps.clock);
    const { registry } = deps;
    const comparisons = registry === undefined ? undefined : new ComparisonTimes(registry);
    const handlerDeps = {
      ...deps,
      comparisons,
      feed: this.feed,
      onBookmark: (run: () => void) => bookmarks.add(run),
    };
    this.installed = install(
      handlerDeps,
      createSpecials({
        ...deps,
        podPartUpdate: (part, pod, old) => deps.validation.podPartUpdate(part, pod, old),
        approvalUpdate: (request, old) => deps.validation.approvalUpdate(request, old),
        finalizeUpdate: (namespace, old) => deps.validation.finalizeUpdate(namespace, old),
        signingMetrics: deps.registry === undefined ? undefined : new SigningMetrics(deps.registry),
        newEvents: {
          create: (event) => deps.validation.create(newEvent, event),
          update: (event, old) => deps.validation.update(newEvent, event, old),
        },
        feed: () => this.feed,
        installed: () => this.installed,
        fieldManagerOf: (definition) => fieldManagerOf(definition, "", deps, this.installed.managersReader),
        serviceAllocation: () => this.#serviceAllocation(),
      }),
    );
    this.customResources = new CustomResources({
      ...handlerDeps,
      ...deps.custom,
      routes: this.installed.routes,
      managersReader: this.installed.managersReader,
    });
    const { routes } = this.installed;
    const groups = new Set(deps.scheme.groups());
    const chained = {
      ...deps,
      authorizer: deps.requestAuthorizer ?? deps.authorizer,
      isBuiltInGroup: (group: string) => groups.has(group),
    };
    this.chain = createChain({ ...chained, routes });
    this.outerRoutes = deps.scheme.hidesAny ? servedRoutes(deps.scheme, routes) : routes;
    this.outerChain = deps.scheme.hidesAny
      ? createChain({ ...chained, routes: this.outerRoutes })
      : this.chain;
  }

  /** Which release a deprecated resource goes with; "" when that isn't settled. */
  removedRelease({ group, version, resource }: GroupVersionResource): string | undefined {
    const definition = this.#deps.scheme.resource(group, version, resource);
    if (definition !== undefined) return removedReleaseOf(definition);
    const isDeprecated = this.customResources.definitions.some(
      ({ spec }) =>
        spec.group === group &&
        spec.names.plural === resource &&
        spec.versions.some((each) => each.name === version && each.deprecated === true),
    );
    return isDeprecated ? "" : undefined;
  }

  *stored(): Generator<StoredResource> {
    yield* this.installed.stored();
    yield* this.customResources.stored();
  }

  /** Keeps the claims of addresses and ports in order; resolves when they are. */
  async repairClaims(): Promise<() => Promise<void>> {
    const { registry, clock, counts } = this.#deps;
    const metrics =
      registry === undefined
        ? undefined
        : { addresses: new RepairCounts("addresses", registry), ports: new RepairCounts("ports", registry) };
    const client = createClient(this.local(repairUser), { clock, counts });
    const events = new ApiEventRecorder(
      { component: "ipallocator-repair-controller" },
      { ...this.#deps, client },
    );
    const repair = new ClaimRepair({
      ...this.#deps,
      ...this.#claims(),
      services: this.installed.storage("services").cache,
      addresses: this.installed.storage("ipaddresses.networking.k8s.io"),
      ranges: this.#ranges(),
      events,
      metrics,
    });
    const stop = await repair.start();
    return async () => {
      await stop();
      await events[Symbol.asyncDispose]();
    };
  }

  /** Who else serves this store. */
  serverLeases(
    own: ServerAddress | undefined,
    telling: Pick<ServerLeasesDeps, "encryptionHash" | "changed">,
  ): ServerLeases {
    return new ServerLeases(own, { ...this.#deps, ...telling, cache: this.#serverLeases });
  }

  #serviceAllocation(): ServiceAllocation {
    return (this.#allocation ??= new ServiceAllocation(this.#ranges(), this.#claims(), {
      services: this.installed.storage("services"),
      clock: this.#deps.clock,
      registry: this.#deps.registry,
    }));
  }

  #ranges(): AllocationRanges {
    const { allocation, random } = this.#deps;
    const { cache } = this.installed.storage("servicecidrs.networking.k8s.io");
    const cidrs = (): ServiceCIDR[] => [...cache.objects("")].map(({ content }) => content);
    return { ...allocation, addresses: new ServiceCidrRanges(allocation.addresses, cidrs, random) };
  }

  #claims(): AllocationClaims {
    return {
      addressClaims: new AddressClaims(this.installed.storage("ipaddresses.networking.k8s.io")),
      portClaims: new PortClaims(this.#nodePorts, this.#deps.store),
    };
  }

  /** The door for a component of this process, under its own identity. */
  local(user: UserInfo): Transport {
    return new LocalEndpoint(user, this.chain, this.#deps.counts);
  }

  /** Fills the caches, calls `filled`, follows the store until the signal aborts. */
  async run(signal: AbortSignal, filled: () => void): Promise<void> {
    await this.feed.run(signal, filled);
    this.#deps.log.debug("the feed has ended");
  }
}

function servedRoutes(scheme: Scheme, routes: Installed["routes"]): ChainDeps["routes"] {
  const served = new Set(scheme.served());
  return {
    custom: (of) => routes.custom(of),
    find: (info) => {
      const own = scheme.resource(info.group, info.version, info.resource);
      return own === undefined || served.has(own) ? routes.find(info) : undefined;
    },
  };
}
