/**
 * What brings objects back to how they were: creations, updates and deletions, as any client could make them. A pure
 * plan over two states of each resource.
 */
import { changedFields, type ChangedField } from "#api/meta/changed-fields.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Resource } from "./resources.ts";

export interface States {
  readonly resource: Resource;
  readonly old: readonly AnyObject[];
  readonly now: readonly AnyObject[];
}

export interface Step {
  readonly kind: "create" | "update" | "delete";
  readonly resource: Resource;
  /** What to write; for a deletion what is there. */
  readonly object: AnyObject;
  /** Of an update. */
  readonly fields: readonly ChangedField[];
  /** Of an object that is made anew: the UID it had. */
  readonly formerUid?: string | undefined;
}

/**
 * They tell what machines and controllers see and do now. Saying that it is otherwise wouldn't make it so.
 * By "plural.group".
 */
const notRewound: ReadonlySet<string> = new Set([
  "nodes.",
  "events.",
  "events.events.k8s.io",
  "leases.coordination.k8s.io",
  "endpoints.",
  "endpointslices.discovery.k8s.io",
  "controllerrevisions.apps",
  "certificatesigningrequests.certificates.k8s.io",
  "csinodes.storage.k8s.io",
  "csistoragecapacities.storage.k8s.io",
  "volumeattachments.storage.k8s.io",
  "resourceslices.resource.k8s.io",
  "ipaddresses.networking.k8s.io",
  "podmetrics.metrics.k8s.io",
  "nodemetrics.metrics.k8s.io",
  "storageversions.internal.apiserver.k8s.io",
]);

export const notRewoundText =
  "not rewound: nodes, leases, events, endpoints, certificate requests, attachments of volumes; what controllers " +
  "make of other objects (ReplicaSets of a Deployment, Pods of a ReplicaSet); status of any kind; what is in volumes";

const needed = ["list", "create", "update", "delete"];

export const isRewound = ({ plural, group, verbs }: Resource): boolean =>
  !plural.includes("/") && !notRewound.has(`${plural}.${group}`) && needed.every((verb) => verbs.has(verb));

/** What others stand on comes first when made, and last when deleted. */
const foundations = ["customresourcedefinitions", "namespaces", "serviceaccounts", "secrets", "configmaps"];

export function planRewind(states: readonly States[]): Step[] {
  const steps = states.flatMap(planResource);
  const rankOf = ({ resource }: Step): number => {
    const at = foundations.indexOf(resource.plural);
    return at < 0 ? foundations.length : at;
  };
  const of = (kind: Step["kind"]): Step[] => steps.filter((step) => step.kind === kind);
  const leaving = new Set(
    of("delete").flatMap(({ resource, object }) =>
      resource.plural === "namespaces" ? [object.metadata?.name] : [],
    ),
  );
  // A namespace takes along what is in it.
  const deletions = of("delete").filter(({ object }) => !leaving.has(object.metadata?.namespace ?? ""));
  return [
    ...of("create").toSorted((a, b) => rankOf(a) - rankOf(b)),
    ...of("update").toSorted((a, b) => rankOf(a) - rankOf(b)),
    ...deletions.toSorted((a, b) => rankOf(b) - rankOf(a)),
  ];
}

function planResource({ resource, old: before, now }: States): Step[] {
  const steps: Step[] = [];
  const present = new Map(now.map((object) => [keyOf(object), object]));
  for (const old of before) {
    const current = present.get(keyOf(old));
    present.delete(keyOf(old));
    if (isDerived(old) || (current !== undefined && isDerived(current))) continue;
    if (current === undefined) {
      steps.push({
        kind: "create",
        resource,
        object: forCreation(resource, old),
        fields: [],
        formerUid: old.metadata?.uid,
      });
      continue;
    }
    const fields = changedFields(essence(current), essence(old));
    if (fields.length > 0) steps.push({ kind: "update", resource, object: forUpdate(old, current), fields });
  }
  for (const object of present.values()) {
    if (!isDerived(object)) steps.push({ kind: "delete", resource, object, fields: [] });
  }
  return steps;
}

const keyOf = ({ metadata }: AnyObject): string => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;

/** A controller made it, and makes it again; or it is on its way out already. */
function isDerived({ kind, metadata }: AnyObject): boolean {
  const isOwned = metadata?.ownerReferences?.some(({ controller }) => controller === true) === true;
  const name = metadata?.name ?? "";
  const isKept =
    (kind === "ConfigMap" && name === "kube-root-ca.crt") || name.endsWith(".node-password.mini-k8s");
  return isOwned || isKept || metadata?.deletionTimestamp !== undefined;
}

const systemFields = [
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "generation",
  "managedFields",
  "selfLink",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** What a user has a say in. */
function essence(object: AnyObject): AnyObject {
  const { status: _, ...rest } = object;
  const metadata = { ...object.metadata };
  for (const field of systemFields) delete metadata[field];
  const { [revisionAnnotation]: _counted, ...annotations } = metadata.annotations ?? {};
  if (metadata.annotations !== undefined) metadata.annotations = annotations;
  return { ...rest, metadata };
}

/** Written by the Deployment controller, which counts on. */
const revisionAnnotation = "deployment.kubernetes.io/revision";

function forUpdate(old: AnyObject, current: AnyObject): AnyObject {
  const object = structuredClone(essence(old));
  const metadata = (object.metadata ??= {});
  if (current.metadata?.uid !== undefined) metadata.uid = current.metadata.uid;
  if (current.metadata?.resourceVersion !== undefined) {
    metadata.resourceVersion = current.metadata.resourceVersion;
  }
  const counted = current.metadata?.annotations?.[revisionAnnotation];
  if (counted !== undefined) (metadata.annotations ??= {})[revisionAnnotation] = counted;
  return object;
}

function forCreation(resource: Resource, old: AnyObject): AnyObject {
  const object = structuredClone(essence(old)) as AnyObject & { spec?: Record<string, unknown> };
  if (resource.plural === "pods" && object.spec !== undefined) delete object.spec["nodeName"];
  if (resource.plural === "jobs" && object.spec !== undefined) freeJob(object.spec);
  return object;
}

const jobLabels = ["controller-uid", "batch.kubernetes.io/controller-uid"];

/** The selector of a Job is made from its UID, unless the user made one. */
function freeJob(spec: Record<string, unknown>): void {
  if (spec["manualSelector"] === true) return;
  delete spec["selector"];
  const template = spec["template"] as { metadata?: { labels?: Record<string, string> } } | undefined;
  for (const label of jobLabels) delete template?.metadata?.labels?.[label];
}
