/**
 * What a Service takes from the shared ranges: cluster addresses and node ports. The ranges are rebuilt from the stored
 * Services before the first write, so nothing leaks and nothing is handed out twice after a restart.
 * upstream: pkg/registry/core/service/storage/alloc.go
 */
import type { Service, ServicePort, ServiceSpec } from "#api/generated/types/core-v1.ts";
import { invalid, type FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { internalError, invalidError } from "#api/meta/status.ts";
import { keyOf } from "#api/meta/object.ts";
import type { ResourceCache } from "../../resource-cache.ts";
import type { Finish } from "../../strategy.ts";
import { familyOf, type AddressFamily, type AddressRange } from "./address-range.ts";
import type { PortRange } from "./port-range.ts";

export interface AllocationDeps {
  /** The first is the default family. */
  readonly addresses: readonly AddressRange[];
  readonly ports: PortRange;
}

/** Gives back what was taken since, in reverse. */
type Undo = (() => void)[];

export class ServiceAllocation {
  readonly #deps: AllocationDeps;
  readonly #cache: ResourceCache;
  #isBuilt = false;

  constructor(deps: AllocationDeps, cache: ResourceCache) {
    this.#deps = deps;
    this.#cache = cache;
  }

  /** Throws 422 for an address or port that can't be had. */
  create(object: AnyObject): Finish {
    return this.#allocate(object, undefined);
  }

  update(object: AnyObject, old: AnyObject): Finish {
    return this.#allocate(object, old);
  }

  release(object: AnyObject): void {
    this.#build();
    const owner = keyOf(object);
    for (const address of addressesOf(object)) this.#rangeOf(address)?.release(address, owner);
    for (const port of portsOf(object)) this.#deps.ports.release(port, owner);
  }

  #allocate(service: Service, old: Service | undefined): Finish {
    this.#build();
    const undo: Undo = [];
    const owner = keyOf(service);
    try {
      if (old !== undefined) keepAllocated(service, old);
      dropForeign(service, old);
      this.#settleFamilies(service);
      this.#takeAddresses(service, owner, undo);
      this.#takePorts(service, owner, undo);
    } catch (error) {
      giveBack(undo);
      throw error;
    }
    return (isWritten) => {
      if (!isWritten) giveBack(undo);
      else if (old !== undefined) this.#releaseUnused(service, old, owner);
    };
  }

  #releaseUnused(service: Service, old: Service, owner: string): void {
    const addresses = new Set(addressesOf(service));
    const ports = new Set(portsOf(service));
    for (const address of addressesOf(old)) {
      if (!addresses.has(address)) this.#rangeOf(address)?.release(address, owner);
    }
    for (const port of portsOf(old)) if (!ports.has(port)) this.#deps.ports.release(port, owner);
  }

  #build(): void {
    if (this.#isBuilt) return;
    this.#isBuilt = true;
    for (const { object } of this.#cache.objects("")) {
      const owner = keyOf(object);
      for (const address of addressesOf(object)) this.#rangeOf(address)?.take(address, owner);
      for (const port of portsOf(object)) this.#deps.ports.take(port, owner);
    }
  }

  #rangeOf(address: string): AddressRange | undefined {
    return this.#deps.addresses.find(({ family }) => family === familyOf(address));
  }

  /** Policy and families; what a single-stack cluster can't give is refused or left out. */
  #settleFamilies(service: Service): void {
    const spec = (service.spec ??= {});
    if (spec.type === "ExternalName") {
      delete spec.ipFamilies;
      delete spec.ipFamilyPolicy;
      delete spec.clusterIP;
      delete spec.clusterIPs;
      return;
    }
    syncClusterIps(spec);
    const given = (spec.clusterIPs ?? []).filter((address) => address !== "None" && address !== "");
    const offered = this.#deps.addresses.map(({ family }) => family);
    const families = wantedFamilies(spec, given, offered);
    const isDual = spec.ipFamilyPolicy === "PreferDualStack" || spec.ipFamilyPolicy === "RequireDualStack";
    if (spec.ipFamilyPolicy === "RequireDualStack" && offered.length < 2) {
      throw refused(service, [
        invalid(
          "spec.ipFamilyPolicy",
          "RequireDualStack",
          "this cluster is not configured for dual-stack services",
        ),
      ]);
    }
    const missing = families.find((family) => !offered.includes(family));
    if (missing !== undefined && spec.clusterIP !== "None") {
      const at = families.indexOf(missing);
      throw refused(service, [invalid(`spec.ipFamilies[${at}]`, missing, "not configured on this cluster")]);
    }
    if (isDual) for (const family of offered) if (!families.includes(family)) families.push(family);
    spec.ipFamilyPolicy ??= families.length > 1 ? "RequireDualStack" : "SingleStack";
    spec.ipFamilies = spec.ipFamilyPolicy === "SingleStack" ? families.slice(0, 1) : families;
  }

  #takeAddresses(service: Service, owner: string, undo: Undo): void {
    const { spec } = service;
    if (spec === undefined || spec.type === "ExternalName" || spec.clusterIP === "None") return;
    const addresses: string[] = [];
    for (const [at, family] of (spec.ipFamilies ?? []).entries()) {
      const range = this.#deps.addresses.find((each) => each.family === family);
      if (range === undefined) continue;
      const asked = (spec.clusterIPs ?? []).find((address) => address !== "" && familyOf(address) === family);
      addresses.push(
        asked === undefined
          ? allocateFrom(range, owner, undo)
          : takeAsked(range, { service, asked, owner, at }, undo),
      );
    }
    spec.clusterIPs = addresses;
    const [first] = addresses;
    if (first !== undefined) spec.clusterIP = first;
  }

  #takePorts(service: Service, owner: string, undo: Undo): void {
    const { spec } = service;
    if (spec === undefined) return;
    if (!needsNodePorts(spec)) {
      for (const port of spec.ports ?? []) if (spec.type !== "LoadBalancer") delete port.nodePort;
      if (spec.type !== "LoadBalancer") delete spec.healthCheckNodePort;
    } else {
      for (const [at, port] of (spec.ports ?? []).entries()) {
        this.#takePort(service, { port, at, owner }, undo);
      }
    }
    if (spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local") {
      spec.healthCheckNodePort = this.#onePort(
        service,
        { asked: spec.healthCheckNodePort ?? 0, field: "spec.healthCheckNodePort", owner },
        undo,
      );
    } else delete spec.healthCheckNodePort;
  }

  #takePort(
    service: Service,
    { port, at, owner }: { readonly port: ServicePort; readonly at: number; readonly owner: string },
    undo: Undo,
  ): void {
    // TCP and UDP of one port number share the node port.
    const sibling = service.spec?.ports
      ?.slice(0, at)
      .find(
        (other) => other.port === port.port && other.protocol !== port.protocol && (port.nodePort ?? 0) === 0,
      );
    const asked = port.nodePort ?? 0;
    port.nodePort =
      sibling?.nodePort ??
      this.#onePort(service, { asked, field: `spec.ports[${at}].nodePort`, owner }, undo);
  }

  #onePort(
    service: Service,
    { asked, field, owner }: { readonly asked: number; readonly field: string; readonly owner: string },
    undo: Undo,
  ): number {
    const { ports } = this.#deps;
    if (asked === 0) {
      const port = ports.allocate(owner);
      if (port === undefined) throw internalError("failed to allocate a nodePort: range is full");
      undo.push(() => {
        ports.release(port, owner);
      });
      return port;
    }
    if (!ports.contains(asked)) {
      throw refused(service, [
        invalid(
          field,
          asked,
          `provided port is not in the valid range. The range of valid ports is ${ports.text}`,
        ),
      ]);
    }
    const holder = ports.ownerOf(asked);
    if (holder === owner) return asked;
    if (holder !== undefined) {
      throw refused(service, [invalid(field, asked, "provided port is already allocated")]);
    }
    ports.take(asked, owner);
    undo.push(() => {
      ports.release(asked, owner);
    });
    return asked;
  }
}

function giveBack(undo: Undo): void {
  for (const run of undo.toReversed()) run();
}

function allocateFrom(range: AddressRange, owner: string, undo: Undo): string {
  const address = range.allocate(owner);
  if (address === undefined) throw internalError("failed to allocate a serviceIP: range is full");
  undo.push(() => {
    range.release(address, owner);
  });
  return address;
}

function takeAsked(
  range: AddressRange,
  want: { readonly service: Service; readonly asked: string; readonly owner: string; readonly at: number },
  undo: Undo,
): string {
  const { service, asked, owner } = want;
  const holder = range.ownerOf(asked);
  if (holder === owner) return asked;
  const refuse = (why: string): never => {
    throw refused(service, [
      invalid("spec.clusterIPs", service.spec?.clusterIPs, `failed to allocate IP ${asked}: ${why}`),
    ]);
  };
  if (!range.contains(asked)) {
    refuse(`the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${range.cidr}`);
  }
  if (holder !== undefined) refuse("provided IP is already allocated");
  range.take(asked, owner);
  undo.push(() => {
    range.release(asked, owner);
  });
  return asked;
}

function wantedFamilies(
  { ipFamilies, clusterIPs }: ServiceSpec,
  given: readonly string[],
  offered: readonly AddressFamily[],
): AddressFamily[] {
  if (ipFamilies !== undefined && ipFamilies.length > 0) return [...(ipFamilies as AddressFamily[])];
  if (given.length > 0) return given.map(familyOf);
  const [first] = offered;
  return first === undefined || clusterIPs === undefined ? offered.slice(0, 1) : [first];
}

/** clusterIP and clusterIPs say the same; old clients know only the first. */
function syncClusterIps(spec: ServiceSpec): void {
  const single = spec.clusterIP ?? "";
  const list = spec.clusterIPs ?? [];
  if (single !== "" && list.length === 0) spec.clusterIPs = [single];
  else if (single === "" && list[0] !== undefined) spec.clusterIP = list[0];
}

/** A client that leaves out what was allocated keeps it. upstream: patchAllocatedValues */
function keepAllocated(service: Service, old: Service): void {
  const spec = (service.spec ??= {});
  const before = old.spec ?? {};
  if (spec.type !== "ExternalName" && before.type !== "ExternalName") keepAddresses(spec, before);
  if (needsNodePorts(spec) && needsNodePorts(before)) keepNodePorts(spec, before);
  if (isLocalBalancer(spec) && isLocalBalancer(before) && before.healthCheckNodePort !== undefined) {
    spec.healthCheckNodePort ??= before.healthCheckNodePort;
  }
}

/**
 * Fields that only mean something for another type go with it, unless the client has just set them (then validation
 * has its say). upstream: dropTypeDependentFields
 */
function dropForeign({ spec = {} }: Service, old: Service | undefined): void {
  if (old?.spec === undefined || spec.type === old.spec.type) return;
  const isExternal = spec.type === "NodePort" || spec.type === "LoadBalancer";
  if (!isExternal && spec.externalTrafficPolicy === old.spec.externalTrafficPolicy) {
    delete spec.externalTrafficPolicy;
  }
  if (spec.type === "LoadBalancer") return;
  delete spec.allocateLoadBalancerNodePorts;
  if (spec.loadBalancerClass === old.spec.loadBalancerClass) delete spec.loadBalancerClass;
}

function keepAddresses(spec: ServiceSpec, before: ServiceSpec): void {
  const saysNothing = (spec.clusterIP ?? "") === "" && (spec.clusterIPs ?? []).length === 0;
  const saysTheSame = spec.clusterIP === before.clusterIP && spec.clusterIPs === undefined;
  if (saysNothing || saysTheSame) {
    if (before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
    if (before.clusterIPs !== undefined) spec.clusterIPs = [...before.clusterIPs];
  }
  if (before.ipFamilies !== undefined) spec.ipFamilies ??= [...before.ipFamilies];
  if (before.ipFamilyPolicy !== undefined) spec.ipFamilyPolicy ??= before.ipFamilyPolicy;
}

function keepNodePorts(spec: ServiceSpec, before: ServiceSpec): void {
  const used = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort));
  const free = new Map(
    (before.ports ?? []).map(
      ({ protocol, port, nodePort }) => [`${protocol ?? "TCP"}/${port}`, nodePort] as const,
    ),
  );
  for (const port of spec.ports ?? []) {
    if ((port.nodePort ?? 0) !== 0) continue;
    const kept = free.get(`${port.protocol ?? "TCP"}/${port.port}`);
    if (kept === undefined || used.has(kept)) continue;
    port.nodePort = kept;
    used.add(kept);
  }
}

const isLocalBalancer = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === "LoadBalancer" && externalTrafficPolicy === "Local";

const needsNodePorts = ({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean =>
  type === "NodePort" || (type === "LoadBalancer" && allocateLoadBalancerNodePorts !== false);

const addressesOf = ({ spec }: Service): readonly string[] =>
  (spec?.clusterIPs ?? (spec?.clusterIP === undefined ? [] : [spec.clusterIP])).filter(
    (address) => address !== "None" && address !== "",
  );

const portsOf = ({ spec }: Service): readonly number[] =>
  [...(spec?.ports ?? []).map(({ nodePort }) => nodePort), spec?.healthCheckNodePort].filter(
    (port): port is number => port !== undefined && port !== 0,
  );

const refused = (service: Service, faults: readonly FieldError[]): Error =>
  invalidError({ group: "", kind: "Service", name: service.metadata?.name ?? "" }, faults);
