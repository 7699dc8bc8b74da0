/** How what a Service needs is claimed for it: what it asks for, or what is nobody's. */
import type { Service } from "#api/generated/types/core-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import { invalidError } from "#api/meta/status.ts";
import type { AllocationCounts, AllocatorMetrics } from "#apiserver/metrics/allocator-metrics.ts";
import type { Clock } from "#base/clock.ts";
import type { Claims } from "./claims.ts";
import type { DryRun } from "./dry-run.ts";

export interface Claimed {
  readonly claims: Claims;
  readonly name: string;
}

/** One allocation, as far as it has come. */
export interface Taking {
  readonly service: Service;
  /** What it was; undefined: it is new. */
  readonly old: Service | undefined;
  readonly owner: string;
  readonly addresses: Claims;
  readonly ports: Claims;
  /** What has been claimed for it. */
  readonly taken: Claimed[];
  /** What was claimed under its name already: by another server at this moment, or before a crash. */
  readonly adopted: Claimed[];
  /** Given where nothing is taken, but only shown. */
  readonly dry: DryRun | undefined;
  readonly metrics: AllocatorMetrics | undefined;
  readonly clock: Pick<Clock, "monotonic">;
}

/** Others' claims may be met so often before one gives up: only a nearly full range comes to it. */
const takeTriesMax = 64;

/** Undefined when it is the owner's now; else who has it. */
export async function takeOne(claims: Claims, name: string, taking: Taking): Promise<string | undefined> {
  const { owner, taken, adopted } = taking;
  const holder = await claims.take(name, owner);
  if (holder === undefined) taken.push({ claims, name });
  else if (holder === owner) adopted.push({ claims, name });
  else return holder;
  return undefined;
}

/** What `find` proposes until something is nobody's; other servers take at the same time. */
export async function takeAny(
  claims: Claims,
  find: (isTaken: (name: string) => boolean) => string | undefined,
  taking: Taking,
  counts: AllocationCounts | undefined,
): Promise<string | undefined> {
  const met = new Set(taking.taken.filter((each) => each.claims === claims).map(({ name }) => name));
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

export const refused = (service: Service, faults: readonly FieldError[]): Error =>
  invalidError({ group: "", kind: "Service", name: service.metadata?.name ?? "" }, faults);
