/** What pods ask for and nodes offer, as plain numbers. upstream: component-helpers/resource/helpers.go */
import { quantityMilli, quantityOf, quantityUnits } from "#api/meta/quantity.ts";
import type { Container, Pod, PodSpec } from "#api/generated/types/core-v1.ts";

export interface Resources {
  milliCpu: number;
  /** Bytes. */
  memory: number;
  /** Bytes. */
  ephemeralStorage: number;
  /** Everything else by name: huge pages, devices. */
  readonly scalar: Map<string, number>;
}

/** Thousandths for cpu, whole units for the rest, by name. */
type Amounts = Map<string, number>;

export interface PodRequests {
  readonly requests: Resources;
  /** With upstream's assumptions for containers that ask for nothing: what spreading counts with. */
  readonly assumedMilliCpu: number;
  readonly assumedMemory: number;
}

/** Upstream's: a container without requests counts as a tenth of a core and 200 MB when nodes are compared. */
const assumed: ReadonlyMap<string, number> = new Map([
  ["cpu", 100],
  ["memory", 200 * 1024 * 1024],
]);

export function noResources(): Resources {
  return { milliCpu: 0, memory: 0, ephemeralStorage: 0, scalar: new Map() };
}

/** Adds `sign` times the amounts to `total`. */
export function accumulate(total: Resources, amounts: Resources, sign: 1 | -1): void {
  total.milliCpu += sign * amounts.milliCpu;
  total.memory += sign * amounts.memory;
  total.ephemeralStorage += sign * amounts.ephemeralStorage;
  for (const [name, amount] of amounts.scalar) {
    total.scalar.set(name, (total.scalar.get(name) ?? 0) + sign * amount);
  }
}

export function resourcesOf(list: Readonly<Record<string, string>> | undefined): Resources {
  return toResources(amountsOf(list));
}

/**
 * The most that the pod needs at any time: its containers and sidecars together, or an init container with the
 * sidecars started before it, whichever is more; then what the pod itself says, then its overhead.
 */
export function podRequests(pod: Pod): PodRequests {
  const requests = toResources(sumOf(pod.spec, undefined));
  const withAssumed = sumOf(pod.spec, assumed);
  return {
    requests,
    assumedMilliCpu: withAssumed.get("cpu") ?? 0,
    assumedMemory: withAssumed.get("memory") ?? 0,
  };
}

function sumOf(spec: PodSpec | undefined, defaults: ReadonlyMap<string, number> | undefined): Amounts {
  const total: Amounts = new Map();
  for (const container of spec?.containers ?? []) add(total, requestsOf(container, defaults));
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of spec?.initContainers ?? []) {
    const own = requestsOf(container, defaults);
    if (container.restartPolicy === "Always") {
      add(total, own);
      add(sidecars, own);
      atLeast(peak, sidecars);
    } else {
      atLeast(peak, own, sidecars);
    }
  }
  atLeast(total, peak);
  for (const [name, amount] of amountsOf(spec?.resources?.requests)) {
    if (name === "cpu" || name === "memory" || name.startsWith("hugepages-")) total.set(name, amount);
  }
  add(total, amountsOf(spec?.overhead));
  return total;
}

function requestsOf(container: Container, defaults: ReadonlyMap<string, number> | undefined): Amounts {
  const own = amountsOf(container.resources?.requests);
  return defaults === undefined ? own : new Map([...defaults, ...own]);
}

function add(total: Amounts, amounts: Amounts): void {
  for (const [name, amount] of amounts) total.set(name, (total.get(name) ?? 0) + amount);
}

function atLeast(total: Amounts, amounts: Amounts, plus: Amounts = new Map()): void {
  for (const name of new Set([...amounts.keys(), ...plus.keys()])) {
    const amount = (amounts.get(name) ?? 0) + (plus.get(name) ?? 0);
    if (amount > (total.get(name) ?? 0)) total.set(name, amount);
  }
}

function amountsOf(list: Readonly<Record<string, string>> | undefined): Amounts {
  const amounts: Amounts = new Map();
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = quantityOf(text);
    amounts.set(name, Number(name === "cpu" ? quantityMilli(quantity) : quantityUnits(quantity)));
  }
  return amounts;
}

function toResources(amounts: Amounts): Resources {
  const { cpu = 0, memory = 0, "ephemeral-storage": ephemeralStorage = 0 } = Object.fromEntries(amounts);
  const scalar = new Map([...amounts].filter(([name]) => !plain.has(name)));
  return { milliCpu: cpu, memory, ephemeralStorage, scalar };
}

/** Have fields of their own, or (pods) are counted elsewhere. */
const plain: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage", "pods"]);
