/**
 * Resources that a pod asks for as a whole, filled in from its containers.
 * upstream: pkg/apis/core/v1/defaults.go (defaultPodRequests, defaultHugePagePodLimits)
 */
import type { Container, PodSpec } from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  quantityOf,
  type Quantity,
} from "../meta/quantity.ts";
import type { ResourceList } from "./resource-list.ts";

const isEmpty = (list: ResourceList | undefined): boolean => Object.keys(list ?? {}).length === 0;
const isHugePages = (name: string): boolean => name.startsWith("hugepages-");
const isPodLevel = (name: string): boolean => name === "cpu" || name === "memory" || isHugePages(name);

type Amounts = ReadonlyMap<string, Quantity>;
type ResourceKind = "requests" | "limits";

function amountsOf(container: Loose<Container>, kind: ResourceKind): Amounts {
  return new Map(
    Object.entries(container.resources?.[kind] ?? {}).map(([name, text]) => [name, quantityOf(text)]),
  );
}

function combine(a: Amounts, b: Amounts, how: (x: Quantity, y: Quantity) => Quantity): Amounts {
  const result = new Map(a);
  for (const [name, amount] of b) {
    const other = result.get(name);
    result.set(name, other === undefined ? amount : how(other, amount));
  }
  return result;
}

const larger = (a: Quantity, b: Quantity): Quantity => (compareQuantities(a, b) >= 0 ? a : b);

/**
 * What the containers need together: all that run side by side, or a single init container with the sidecars
 * started before it, whichever is more.
 */
export function aggregateContainers(spec: Loose<PodSpec>, kind: ResourceKind): Amounts {
  let running: Amounts = new Map();
  for (const container of spec.containers ?? []) {
    running = combine(running, amountsOf(container, kind), addQuantities);
  }
  let sidecars: Amounts = new Map();
  let peak: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = amountsOf(container, kind);
    const together = combine(sidecars, own, addQuantities);
    if (container.restartPolicy === "Always") {
      sidecars = together;
      running = combine(running, own, addQuantities);
    }
    peak = combine(peak, together, larger);
  }
  return combine(running, peak, larger);
}

function missing(amounts: Amounts, from: ResourceList, wanted: (name: string) => boolean): ResourceList {
  const entries = [...amounts].filter(([name]) => wanted(name) && !Object.hasOwn(from, name));
  return Object.fromEntries(entries.map(([name, amount]) => [name, formatQuantity(amount)]));
}

/**
 * Only for pods that say something about their resources themselves. A limit for huge pages comes from the
 * containers only where the pod has no request for them either.
 */
export function defaultPodResources({ resources, ...spec }: Loose<PodSpec>): void {
  if (resources === undefined || (isEmpty(resources.limits) && isEmpty(resources.requests))) return;
  const { limits: ownLimits = {}, requests: ownRequests = {} } = resources;
  const limits = {
    ...ownLimits,
    ...missing(aggregateContainers(spec, "limits"), { ...ownLimits, ...ownRequests }, isHugePages),
  };
  if (isEmpty(limits)) return;
  resources.limits = limits;
  const fromContainers = missing(
    aggregateContainers(spec, "requests"),
    ownRequests,
    (name) => name === "cpu" || name === "memory",
  );
  const podLimits = Object.fromEntries(Object.entries(limits).filter(([name]) => isPodLevel(name)));
  const requests = { ...podLimits, ...fromContainers, ...ownRequests };
  if (!isEmpty(requests)) resources.requests = requests;
}
