/**
 * Takes a Service's node ports, and the one that its balancer asks nodes' health at.
 * upstream: pkg/registry/core/service/storage/alloc.go (initNodePorts, updateNodePorts, updateHealthCheckNodePort)
 */
import type { ServicePort, ServiceSpec } from "#api/generated/types/core-v1.ts";
import { invalid } from "#api/meta/field-error.ts";
import { failure, internalError } from "#api/meta/status.ts";
import type { PortRange } from "./port-range.ts";
import { mayHaveNodePorts, needsHealthPort, needsNodePorts, nodePortsOf, portsOf } from "./service-fields.ts";
import { refused, takeAny, takeOne, type Taking } from "./taking.ts";

const full = "range is full";

export async function takePorts(range: PortRange, taking: Taking): Promise<void> {
  const { spec = {} } = taking.service;
  const before = taking.old?.spec;
  if (mayHaveNodePorts(spec)) {
    if (before === undefined) await takeNewPorts(spec, range, taking);
    else await takeChangedPorts(spec, before, range, taking);
  }
  if (needsHealthPort(spec) && (before === undefined || !needsHealthPort(before))) {
    await takeHealthPort(spec, range, taking);
  }
}

const askedOf = ({ nodePort }: ServicePort): number => nodePort ?? 0;

/** Ports of one number, of several protocols, share the node port that the first of them asks for, or gets. */
async function takeNewPorts(spec: ServiceSpec, range: PortRange, taking: Taking): Promise<void> {
  const ports = spec.ports ?? [];
  const shared = new Map<number, number>();
  for (const [at, port] of ports.entries()) {
    const asked = askedOf(port);
    if (asked === 0 && !needsNodePorts(spec)) continue;
    const known = shared.get(port.port);
    if (known === undefined) {
      const first = ports.find((each) => each.port === port.port && askedOf(each) !== 0);
      port.nodePort =
        first === undefined
          ? await takeNext(range, taking)
          : await takeAsked(askedOf(first), at, range, taking);
      shared.set(port.port, port.nodePort);
    } else if (asked === 0) port.nodePort = known;
    else if (asked !== known) await takeAsked(asked, at, range, taking);
  }
}

/** Those it had are its own; any of its new ports may share one that is asked for, but for the protocol. */
async function takeChangedPorts(
  spec: ServiceSpec,
  before: ServiceSpec,
  range: PortRange,
  taking: Taking,
): Promise<void> {
  const had = new Set(nodePortsOf(before));
  const seen = new Set<string>();
  for (const [at, port] of (spec.ports ?? []).entries()) {
    const asked = askedOf(port);
    if (asked === 0 && !needsNodePorts(spec)) continue;
    if (asked === 0) port.nodePort = await takeNext(range, taking);
    else if (!had.has(asked)) had.add(await takeAsked(asked, at, range, taking));
    const pair = `{${port.protocol ?? ""} ${askedOf(port)}}`;
    if (seen.has(pair)) throw failure({ code: 500, reason: "", message: `duplicate nodePort: ${pair}` });
    seen.add(pair);
  }
}

async function takeHealthPort(spec: ServiceSpec, range: PortRange, taking: Taking): Promise<void> {
  const asked = spec.healthCheckNodePort ?? 0;
  if (asked === 0) {
    const port = await takeAnyPort(range, taking);
    if (port === undefined) throw internalError(`failed to allocate a HealthCheck NodePort 0: ${full}`);
    spec.healthCheckNodePort = port;
    return;
  }
  const fault = await faultOfTaking(asked, range, taking);
  if (fault === undefined) return;
  throw internalError(`failed to allocate requested HealthCheck NodePort ${asked}: ${fault}`);
}

async function takeNext(range: PortRange, taking: Taking): Promise<number> {
  const port = await takeAnyPort(range, taking);
  if (port === undefined) throw internalError(`failed to allocate a nodePort: ${full}`);
  return port;
}

async function takeAsked(asked: number, at: number, range: PortRange, taking: Taking): Promise<number> {
  const fault = await faultOfTaking(asked, range, taking);
  if (fault === undefined) return asked;
  throw refused(taking.service, [invalid(`spec.ports[${at}].nodePort`, asked, fault)]);
}

async function takeAnyPort(range: PortRange, taking: Taking): Promise<number | undefined> {
  if (taking.dry !== undefined) return taking.dry.nextPort(range);
  const name = await takeAny(
    taking.ports,
    (isTaken) => range.find((port) => isTaken(String(port)))?.toString(),
    taking,
    taking.metrics?.ports,
  );
  return name === undefined ? undefined : Number(name);
}

/** Why that port can't be had; it is taken when there is nothing to say. */
async function faultOfTaking(asked: number, range: PortRange, taking: Taking): Promise<string | undefined> {
  const { old, ports, taken, adopted, dry, metrics } = taking;
  if (dry !== undefined) return dry.faultOfPort(asked, range);
  const counts = metrics?.ports;
  if (!range.contains(asked)) {
    counts?.failed("static");
    return `provided port is not in the valid range. The range of valid ports is ${range.text}`;
  }
  const name = String(asked);
  // What it has already, for another purpose, or has just got, is no longer to be had.
  const isOwn =
    (old !== undefined && portsOf(old).includes(asked)) ||
    [...taken, ...adopted].some((each) => each.claims === ports && each.name === name);
  if (isOwn || (await takeOne(ports, name, taking)) !== undefined) {
    counts?.failed("static");
    return "provided port is already allocated";
  }
  counts?.taken("static");
  return undefined;
}
