/**
 * What a Service takes from the shared ranges: cluster addresses and node ports. What it takes is claimed in the store
 * before the Service is written, so that no two servers give out the same; claims.ts says how, repair.ts what becomes
 * of claims whose Service was never written.
 * upstream: pkg/registry/core/service/storage/alloc.go
 */
import type { Registry } from "prom-client";
import type { Service, ServicePort, ServiceSpec } from "#api/generated/types/core-v1.ts";
import { invalid, type FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Clock } from "#base/clock.ts";
import { internalError, invalidError, isNotFound } from "#api/meta/status.ts";
import { keyOf } from "#api/meta/object.ts";
import {
  AllocatorMetrics,
  type AllocationCounts,
  type AllocatorSource,
} from "#apiserver/metrics/allocator-metrics.ts";
import type { ResourceStore } from "../../store.ts";
import { isSame, type Finish } from "../../strategy.ts";
import { dryClaims, type Claims } from "./claims.ts";
import { familyOf, type AddressRange } from "./address-range.ts";
import { settleFamilies } from "./families.ts";
import type { PortRange } from "./port-range.ts";
import type { ServiceRanges } from "./service-ranges.ts";

export interface AllocationRanges {
  readonly addresses: ServiceRanges;
  readonly ports: PortRange;
}

export interface AllocationClaims {
  readonly addressClaims: Claims;
  readonly portClaims: Claims;
}

export interface AllocationDeps {
  readonly services: ResourceStore;
  readonly clock: Pick<Clock, "monotonic">;
  readonly registry?: Registry | undefined;
}

/** Others' claims may be met so often before one gives up: only a nearly full range comes to it. */
const takeTriesMax = 64;

interface Claimed {
  readonly claims: Claims;
  readonly name: string;
}

export class ServiceAllocation {
  readonly #ranges: AllocationRanges;
  readonly #claims: AllocationClaims;
  readonly #services: ResourceStore;
  readonly #clock: AllocationDeps["clock"];
  readonly #metrics: AllocatorMetrics | undefined;

  constructor(
    ranges: AllocationRanges,
    claims: AllocationClaims,
    { services, clock, registry }: AllocationDeps,
  ) {
    this.#ranges = ranges;
    this.#claims = claims;
    this.#services = services;
    this.#clock = clock;
    this.#metrics =
      registry === undefined ? undefined : new AllocatorMetrics(registry, usesOf(ranges, claims));
  }

  /** Throws 422 for an address or port that can't be had. */
  create(object: AnyObject, dryRun: boolean): Promise<Finish> {
    return this.#allocate(object, undefined, dryRun);
  }

  update(object: AnyObject, old: AnyObject, dryRun: boolean): Promise<Finish> {
    return this.#allocate(object, old, dryRun);
  }

  async release(object: AnyObject): Promise<void> {
    await this.#letGo(object, [
      ...addressesOf(object).map((name) => ({ claims: this.#claims.addressClaims, name })),
      ...portsOf(object).map((port) => ({ claims: this.#claims.portClaims, name: String(port) })),
    ]);
  }

  /** All but what a Service of that name has now: the same name may be created at another server meanwhile. */
  async #letGo(object: Service, claimed: readonly Claimed[]): Promise<void> {
    if (claimed.length === 0) return;
    const { namespace = "", name = "" } = object.metadata ?? {};
    const present = await this.#services.get({ namespace, name }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    const used = new Set(
      present === undefined ? [] : [...addressesOf(present.content), ...portsOf(present.content).map(String)],
    );
    const unused = claimed.filter((each) => !used.has(each.name));
    await Promise.all(unused.map(({ claims, name: each }) => claims.release(each, keyOf(object))));
  }

  async #allocate(service: Service, old: Service | undefined, dryRun: boolean): Promise<Finish> {
    const { addressClaims, portClaims } = this.#claims;
    const taking: Taking = {
      service,
      owner: keyOf(service),
      kept: new Set(old === undefined ? [] : [...addressesOf(old), ...portsOf(old).map(String)]),
      addresses: dryRun ? dryClaims(addressClaims) : addressClaims,
      ports: dryRun ? dryClaims(portClaims) : portClaims,
      taken: [],
      adopted: [],
      metrics: dryRun ? undefined : this.#metrics,
      clock: this.#clock,
    };
    try {
      if (old !== undefined) keepAllocated(service, old);
      dropForeign(service, old);
      this.#settleFamilies(service, old);
      await this.#takeAddresses(taking);
      await this.#takePorts(taking);
    } catch (error) {
      await this.#letGo(service, taking.taken);
      throw error;
    }
    return async (outcome) => {
      if (outcome === "failed") await this.#letGo(service, taking.taken);
      if (outcome !== "written") return;
      // Whoever had claimed it for the same name may have let go in the meantime.
      for (const { claims, name } of taking.adopted) await claims.take(name, taking.owner);
      if (old !== undefined) await this.#releaseUnused(service, old);
    };
  }

  async #releaseUnused(service: Service, old: Service): Promise<void> {
    const { addressClaims, portClaims } = this.#claims;
    const addresses = new Set(addressesOf(service));
    const ports = new Set(portsOf(service));
    const unused = addressesOf(old).filter((address) => !addresses.has(address));
    const unusedPorts = portsOf(old).filter((port) => !ports.has(port));
    await this.#letGo(service, [
      ...unused.map((name) => ({ claims: addressClaims, name })),
      ...unusedPorts.map((port) => ({ claims: portClaims, name: String(port) })),
    ]);
  }

  #settleFamilies(service: Service, old: Service | undefined): void {
    const spec = (service.spec ??= {});
    syncClusterIps(spec);
    const faults = settleFamilies(service, old, this.#ranges.addresses.families);
    if (faults.count > 0) throw refused(service, faults.all);
  }

  async #takeAddresses(taking: Taking): Promise<void> {
    const { spec } = taking.service;
    if (spec === undefined || spec.type === "ExternalName" || spec.clusterIP === "None") return;
    const addresses: string[] = [];
    for (const family of spec.ipFamilies ?? []) {
      const ranges = this.#ranges.addresses.ready().filter((each) => each.family === family);
      const asked = (spec.clusterIPs ?? []).find((address) => address !== "" && familyOf(address) === family);
      addresses.push(
        asked === undefined ? await allocateFrom(ranges, taking) : await takeAsked(ranges, asked, taking),
      );
    }
    spec.clusterIPs = addresses;
    const [first] = addresses;
    if (first !== undefined) spec.clusterIP = first;
  }

  async #takePorts(taking: Taking): Promise<void> {
    const { spec } = taking.service;
    if (spec === undefined) return;
    if (mayHaveNodePorts(spec)) {
      for (const [at, port] of (spec.ports ?? []).entries()) {
        if (needsNodePorts(spec) || (port.nodePort ?? 0) !== 0) await this.#takePort(port, at, taking);
      }
    }
    if (!isLocalBalancer(spec)) return;
    const asked = spec.healthCheckNodePort ?? 0;
    spec.healthCheckNodePort = await this.#onePort(asked, "spec.healthCheckNodePort", taking);
  }

  async #takePort(port: ServicePort, at: number, taking: Taking): Promise<void> {
    // TCP and UDP of one port number share the node port.
    const sibling = taking.service.spec?.ports
      ?.slice(0, at)
      .find(
        (other) => other.port === port.port && other.protocol !== port.protocol && (port.nodePort ?? 0) === 0,
      );
    const asked = port.nodePort ?? 0;
    port.nodePort = sibling?.nodePort ?? (await this.#onePort(asked, `spec.ports[${at}].nodePort`, taking));
  }

  async #onePort(asked: number, field: string, taking: Taking): Promise<number> {
    const { ports: range } = this.#ranges;
    const { service, owner, kept, ports } = taking;
    const counts = taking.metrics?.ports;
    if (asked === 0) {
      const name = await takeAny(
        ports,
        (isTaken) => range.find((port) => isTaken(String(port)))?.toString(),
        taking,
        counts,
      );
      if (name === undefined) throw internalError("failed to allocate a nodePort: range is full");
      return Number(name);
    }
    if (!range.contains(asked)) {
      counts?.failed("static");
      throw refused(service, [
        invalid(
          field,
          asked,
          `provided port is not in the valid range. The range of valid ports is ${range.text}`,
        ),
      ]);
    }
    const name = String(asked);
    // An update's own, or another port of the same Service has taken it: TCP and UDP may share.
    if (kept.has(name) && (ports.holderOf(name) ?? owner) === owner) return asked;
    if (taking.taken.some((each) => each.claims === ports && each.name === name)) return asked;
    if ((await takeOne(ports, name, taking)) !== undefined) {
      counts?.failed("static");
      throw refused(service, [invalid(field, asked, "provided port is already allocated")]);
    }
    counts?.taken("static");
    return asked;
  }
}

/** One allocation, as far as it has come. */
interface Taking {
  readonly service: Service;
  readonly owner: string;
  /** What the Service has already. */
  readonly kept: ReadonlySet<string>;
  readonly addresses: Claims;
  readonly ports: Claims;
  /** What has been claimed for it; several of its ports may share one. */
  readonly taken: Claimed[];
  /** What was claimed under its name already: by another server at this moment, or before a crash. */
  readonly adopted: Claimed[];
  /** Undefined where nothing is taken, but only found out. */
  readonly metrics: AllocatorMetrics | undefined;
  readonly clock: AllocationDeps["clock"];
}

function usesOf({ addresses, ports }: AllocationRanges, claims: AllocationClaims): AllocatorSource {
  return {
    addresses: () => {
      const names = [...claims.addressClaims.all()].map(({ name }) => name);
      return addresses.all().map((range) => {
        const used = names.filter((name) => range.contains(name)).length;
        return { cidr: range.cidr, size: range.size, used };
      });
    },
    ports: () => ({ size: ports.size, used: [...claims.portClaims.all()].length }),
  };
}

/** Undefined when it is the owner's now; else who has it. */
async function takeOne(claims: Claims, name: string, taking: Taking): Promise<string | undefined> {
  const { owner, taken, adopted } = taking;
  const holder = await claims.take(name, owner);
  if (holder === undefined) taken.push({ claims, name });
  else if (holder === owner) adopted.push({ claims, name });
  else return holder;
  return undefined;
}

/** What `find` proposes until something is nobody's; other servers take at the same time. */
async function takeAny(
  claims: Claims,
  find: (isTaken: (name: string) => boolean) => string | undefined,
  taking: Taking,
  counts: AllocationCounts | undefined,
): Promise<string | undefined> {
  const met = new Set<string>();
  for (let tries = 0; tries < takeTriesMax; tries++) {
    const name = find((each) => met.has(each) || claims.holderOf(each) !== undefined);
    if (name === undefined) break;
    if ((await takeOne(claims, name, taking)) === undefined) {
      counts?.taken("dynamic");
      return name;
    }
    met.add(name);
  }
  counts?.failed("dynamic");
  return undefined;
}

/** Of the first range that isn't full. */
async function allocateFrom(ranges: readonly AddressRange[], taking: Taking): Promise<string> {
  for (const range of ranges) {
    const counts = taking.metrics?.addresses(range.cidr);
    const start = taking.clock.monotonic();
    const address = await takeAny(taking.addresses, (isTaken) => range.find(isTaken), taking, counts);
    if (address === undefined) continue;
    counts?.took(taking.clock.monotonic() - start);
    return address;
  }
  throw internalError("failed to allocate a serviceIP: range is full");
}

async function takeAsked(ranges: readonly AddressRange[], asked: string, taking: Taking): Promise<string> {
  const { service, owner, kept, addresses } = taking;
  if (kept.has(asked) && (addresses.holderOf(asked) ?? owner) === owner) return asked;
  const refusal = (why: string): Error =>
    refused(service, [
      invalid("spec.clusterIPs", service.spec?.clusterIPs, `failed to allocate IP ${asked}: ${why}`),
    ]);
  const range = ranges.find((each) => each.contains(asked));
  if (range === undefined) throw refusal("the provided network does not match the current range");
  const counts = taking.metrics?.addresses(range.cidr);
  const start = taking.clock.monotonic();
  if ((await takeOne(addresses, asked, taking)) !== undefined) {
    counts?.failed("static");
    throw refusal("provided IP is already allocated");
  }
  counts?.took(taking.clock.monotonic() - start);
  counts?.taken("static");
  return asked;
}

/** clusterIP and clusterIPs say the same; old clients know only the first, and who knows the second has to say both. */
function syncClusterIps(spec: ServiceSpec): void {
  const single = spec.clusterIP ?? "";
  if (single !== "" && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [single];
}

/** A client that leaves out what was allocated keeps it. upstream: patchAllocatedValues */
function keepAllocated(service: Service, old: Service): void {
  const spec = (service.spec ??= {});
  const before = old.spec ?? {};
  if (spec.type !== "ExternalName" && before.type !== "ExternalName") keepAddresses(spec, before);
  if (needsNodePorts(spec) && mayHaveNodePorts(before)) keepNodePorts(spec, before);
  if (isLocalBalancer(spec) && isLocalBalancer(before) && before.healthCheckNodePort !== undefined) {
    spec.healthCheckNodePort ??= before.healthCheckNodePort;
  }
}

/**
 * Fields that meant something for what the Service was, and mean nothing for what it becomes, go with it, unless the
 * client has just set them: then validation has its say. upstream: dropTypeDependentFields
 */
function dropForeign(service: Service, old: Service | undefined): void {
  if (old === undefined) return;
  const { spec = {} } = service;
  const before = old.spec ?? {};
  const isNoLonger = (is: (spec: ServiceSpec) => boolean): boolean => is(before) && !is(spec);
  if (isNoLonger(hasAddresses)) dropAddresses(spec, before);
  // Ports may come, change and go with the type, as long as no node port is asked for that wasn't there.
  if (isNoLonger(mayHaveNodePorts) && nodePortsOf(before).isSupersetOf(nodePortsOf(spec))) {
    for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (isNoLonger(isLocalBalancer)) dropIfSame(spec, before, "healthCheckNodePort");
  if (isNoLonger(isBalancer)) {
    dropIfSame(spec, before, "allocateLoadBalancerNodePorts");
    dropIfSame(spec, before, "loadBalancerClass");
  }
  if (isNoLonger(isReachedFromOutside)) dropIfSame(spec, before, "externalTrafficPolicy");
  if (!isBalancer(spec)) dropBalancer(service);
}

/** The balancer will be gone soon, and nobody needs to know when. */
function dropBalancer(service: Service): void {
  const { status } = service;
  if (status?.loadBalancer?.ingress !== undefined) service.status = { ...status, loadBalancer: {} };
}

function dropAddresses(spec: ServiceSpec, before: ServiceSpec): void {
  if (isSame(spec.clusterIPs, before.clusterIPs)) {
    delete spec.clusterIP;
    delete spec.clusterIPs;
  }
  if (isSame(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
  if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
}

function dropIfSame(
  spec: ServiceSpec,
  before: ServiceSpec,
  field:
    | "healthCheckNodePort"
    | "allocateLoadBalancerNodePorts"
    | "loadBalancerClass"
    | "externalTrafficPolicy",
): void {
  if (spec[field] === before[field]) delete spec[field];
}

const nodePortsOf = ({ ports = [] }: ServiceSpec): ReadonlySet<number> =>
  new Set(ports.map(({ nodePort }) => nodePort ?? 0).filter((nodePort) => nodePort !== 0));

const hasAddresses = ({ type }: ServiceSpec): boolean => type !== "ExternalName";
const isBalancer = ({ type }: ServiceSpec): boolean => type === "LoadBalancer";
const isReachedFromOutside = ({ type, externalIPs = [] }: ServiceSpec): boolean =>
  type === "NodePort" || type === "LoadBalancer" || (type === "ClusterIP" && externalIPs.length > 0);

function keepAddresses(spec: ServiceSpec, before: ServiceSpec): void {
  normalizeAddresses(spec, before);
  if ((spec.clusterIP ?? "") === "" && before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
  if ((spec.clusterIPs ?? []).length === 0 && before.clusterIPs !== undefined) {
    spec.clusterIPs = [...before.clusterIPs];
  }
}

/** Old clients change the single address only; whether they may is for validation. upstream: NormalizeClusterIPs */
function normalizeAddresses(spec: ServiceSpec, before: ServiceSpec): void {
  const single = spec.clusterIP ?? "";
  if (single === (before.clusterIP ?? "") || !isSame(spec.clusterIPs, before.clusterIPs)) return;
  if (single === "") delete spec.clusterIPs;
  else spec.clusterIPs = [single];
}

/** A port is known by its name, whatever else of it changes. */
function keepNodePorts(spec: ServiceSpec, before: ServiceSpec): void {
  const used = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort));
  const known = new Map((before.ports ?? []).map(({ name = "", nodePort }) => [name, nodePort] as const));
  for (const port of spec.ports ?? []) {
    if ((port.nodePort ?? 0) !== 0) continue;
    const kept = known.get(port.name ?? "");
    if (kept !== undefined && !used.has(kept)) port.nodePort = kept;
  }
}

const isLocalBalancer = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === "LoadBalancer" && externalTrafficPolicy === "Local";

const mayHaveNodePorts = ({ type }: ServiceSpec): boolean => type === "NodePort" || type === "LoadBalancer";

/** Where not, those that a client asks for are taken all the same. */
const needsNodePorts = ({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean =>
  type === "NodePort" || (type === "LoadBalancer" && allocateLoadBalancerNodePorts !== false);

export const addressesOf = ({ spec }: Service): readonly string[] =>
  (spec?.clusterIPs ?? (spec?.clusterIP === undefined ? [] : [spec.clusterIP])).filter(
    (address) => address !== "None" && address !== "",
  );

export const portsOf = ({ spec }: Service): readonly number[] =>
  [...(spec?.ports ?? []).map(({ nodePort }) => nodePort), spec?.healthCheckNodePort].filter(
    (port): port is number => port !== undefined && port !== 0,
  );

const refused = (service: Service, faults: readonly FieldError[]): Error =>
  invalidError({ group: "", kind: "Service", name: service.metadata?.name ?? "" }, faults);
