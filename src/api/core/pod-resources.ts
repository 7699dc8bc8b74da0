/** What a whole pod asks for. upstream: component-helpers/resource/helpers.go */
import { firstBy } from "#base/first-by.ts";
import type { Container, Pod, PodSpec } from "../generated/types/core-v1.ts";
import { addQuantities, compareQuantities, quantityOf, type Quantity } from "../meta/quantity.ts";

export type Amounts = ReadonlyMap<string, Quantity>;

export function amountsOf(list: Readonly<Record<string, string>> | undefined): Map<string, Quantity> {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, quantityOf(text)]));
}

type List = "requests" | "limits";

export interface PodAmountsOptions {
  /** What the sandbox itself takes counts, too. */
  readonly withOverhead: boolean;
  /** A pod that is being resized has what it asks for and what it was given, whichever is more. */
  readonly status?: Pod["status"] | undefined;
}

/**
 * The sum of the containers and of what stays beside them, or what the largest init container needs where that is
 * more; what is said of the pod as a whole goes first.
 */
export function podAmounts(spec: PodSpec, list: List, { withOverhead, status }: PodAmountsOptions): Amounts {
  const total = new Map<string, Quantity>();
  const amounts = amountsAsGiven(list, status);
  for (const container of spec.containers) addAll(total, amounts(container));
  const staying = new Map<string, Quantity>();
  const initial = new Map<string, Quantity>();
  for (const container of spec.initContainers ?? []) {
    const own = amounts(container);
    if (container.restartPolicy === "Always") {
      addAll(total, own);
      addAll(staying, own);
    } else raiseAll(initial, withStaying(own, staying));
  }
  raiseAll(total, initial);
  for (const [name, amount] of amountsOf(spec.resources?.[list])) total.set(name, amount);
  if (withOverhead) addOverhead(total, amountsOf(spec.overhead), list);
  return total;
}

/** Of containers that stay, what `own` doesn't name is in the total, too, and never less there. */
const withStaying = (own: Amounts, staying: Amounts): Amounts =>
  new Map(
    [...own].map(([name, amount]) => {
      const more = staying.get(name);
      return [name, more === undefined ? amount : addQuantities(amount, more)];
    }),
  );

function amountsAsGiven(list: List, status: Pod["status"]): (container: Container) => Map<string, Quantity> {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const statuses = firstBy(all, ({ name }) => name);
  const forgetsAsked = isInfeasible(status);
  return ({ name, resources }) => {
    const asked = amountsOf(resources?.[list]);
    const given = statuses.get(name);
    if (given?.resources === undefined) return asked;
    const total = forgetsAsked ? new Map<string, Quantity>() : asked;
    raiseAll(total, amountsOf(given.resources[list]));
    if (list === "requests") raiseAll(total, amountsOf(given.allocatedResources));
    return total;
  };
}

const isInfeasible = (status: Pod["status"]): boolean =>
  status?.conditions?.some(
    ({ type, status: value, reason }) =>
      type === "PodResizePending" && value === "True" && reason === "Infeasible",
  ) === true;

function addAll(total: Map<string, Quantity>, more: Amounts): void {
  for (const [name, amount] of more) {
    const own = total.get(name);
    total.set(name, own === undefined ? amount : addQuantities(own, amount));
  }
}

function raiseAll(total: Map<string, Quantity>, other: Amounts): void {
  for (const [name, amount] of other) {
    const own = total.get(name);
    if (own === undefined || compareQuantities(amount, own) > 0) total.set(name, amount);
  }
}

/** A limit that isn't set stays so: no limit is more than any. */
function addOverhead(total: Map<string, Quantity>, overhead: Amounts, list: List): void {
  if (list === "requests") {
    addAll(total, overhead);
    return;
  }
  for (const [name, amount] of overhead) {
    const own = total.get(name);
    if (own !== undefined && own.nano !== 0n) total.set(name, addQuantities(own, amount));
  }
}
