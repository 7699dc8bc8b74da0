/** Reads two states of a cluster through its API, and brings the second one back to the first by ordinary writes. */
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import type { Transport } from "#client/client.ts";
import { pathOf, type Resource } from "./resources.ts";
import { isRewound, planRewind, type States, type Step } from "./rewind-plan.ts";

export interface RewindTarget {
  readonly resources: readonly Resource[];
  /** "": all of them, and what is in none. */
  readonly namespace: string;
  /** Only the object of this name. */
  readonly name?: string | undefined;
  readonly revision: bigint;
}

export interface RewindDeps {
  readonly transport: Transport;
  readonly signal: AbortSignal;
}

export async function readPlan(target: RewindTarget, deps: RewindDeps): Promise<Step[]> {
  const { resources, namespace, name, revision } = target;
  const states: States[] = [];
  for (const resource of resources) {
    if (!isRewound(resource) || (namespace !== "" && !resource.isNamespaced)) continue;
    const path = pathOf(resource, namespace);
    const selector = name === undefined ? {} : { fieldSelector: `metadata.name=${name}` };
    const exact = { ...selector, resourceVersion: String(revision), resourceVersionMatch: "Exact" };
    const old = await list(resource, path, exact, deps);
    states.push({ resource, old, now: await list(resource, path, selector, deps) });
  }
  return planRewind(states);
}

async function list(
  { group, version, kind }: Resource,
  path: string,
  query: Readonly<Record<string, string>>,
  { transport, signal }: RewindDeps,
): Promise<AnyObject[]> {
  const { body } = await transport.request({ method: "GET", path, query, signal });
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const items = (body as { items?: readonly AnyObject[] | null }).items ?? [];
  return items.map((item) => ({ ...item, apiVersion, kind }));
}

export interface Outcome {
  readonly step: Step;
  /** Why the server refused; undefined: done. */
  readonly fault: string | undefined;
}

/** One after the other. What the server refuses doesn't keep the rest from being done. */
export async function* carryOut(steps: readonly Step[], deps: RewindDeps): AsyncGenerator<Outcome> {
  /** Objects that are made anew have another UID; those who belong to them must know. */
  const uids = new Map<string, string>();
  for (const step of steps) {
    try {
      await carryOutOne(step, uids, deps);
      yield { step, fault: undefined };
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      yield { step, fault: error.message };
    }
  }
}

async function carryOutOne(
  step: Step,
  uids: Map<string, string>,
  { transport, signal }: RewindDeps,
): Promise<void> {
  const { kind, resource, object } = step;
  const collection = pathOf(resource, object.metadata?.namespace ?? "");
  const path = `${collection}/${object.metadata?.name ?? ""}`;
  const query = { fieldManager: "mini-k8s-rewind" };
  if (kind === "delete") {
    const body = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: "Background",
      preconditions: { uid: object.metadata?.uid },
    };
    await transport.request({ method: "DELETE", path, body, signal });
    return;
  }
  const body = withNewOwners(object, uids);
  if (kind === "update") {
    await transport.request({ method: "PUT", path, query, body, signal });
    return;
  }
  const created = (await transport.request({ method: "POST", path: collection, query, body, signal }))
    .body as AnyObject;
  if (step.formerUid !== undefined && created.metadata?.uid !== undefined) {
    uids.set(step.formerUid, created.metadata.uid);
  }
}

function withNewOwners(object: AnyObject, uids: ReadonlyMap<string, string>): AnyObject {
  const owners = object.metadata?.ownerReferences;
  if (owners === undefined) return object;
  const ownerReferences = owners.map((owner) => ({ ...owner, uid: uids.get(owner.uid) ?? owner.uid }));
  return { ...object, metadata: { ...object.metadata, ownerReferences } };
}
