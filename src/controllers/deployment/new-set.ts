/** The ReplicaSet of the current template: found, brought up to date, or made. upstream: pkg/controller/deployment/sync.go getNewReplicaSet */
import type { Deployment, ReplicaSet } from "#api/generated/types/apps-v1.ts";
import { controllerOf } from "#api/meta/object.ts";
import { isAlreadyExists } from "#api/meta/status.ts";
import { deployments, replicaSets } from "#api/resources.ts";
import { errorText } from "#base/log.ts";
import type { ControllerContext } from "../controller.ts";
import { isNamespaceTerminating } from "../pods/namespace-terminating.ts";
import { ownerReference, type Owner } from "../pods/ownership.ts";
import { templateHash } from "./hash.ts";
import { newSetSize } from "./plan.ts";
import {
  canonical,
  hashLabel,
  newSetAnnotations,
  revisionAnnotation,
  revisionOf,
  sameTemplate,
  sizeAnnotations,
} from "./replica-sets.ts";
import { hasDeadline, withCondition, conditionOf, type ConditionText } from "./status.ts";

type Deps = Pick<ControllerContext, "client" | "events" | "clock">;

export interface SetsOfDeployment {
  readonly found: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

/** One more than every older set's, however this set was numbered before. */
const nextRevision = (old: readonly ReplicaSet[]): number => Math.max(0, ...old.map(revisionOf)) + 1;

/** The set, and the Deployment as it is after its revision and conditions were noted. */
export interface Ensured<S extends ReplicaSet | undefined = ReplicaSet> {
  readonly newSet: S;
  readonly deployment: Deployment;
}

/** Brings annotations, revision and minReadySeconds of a set that exists in line. */
export async function refreshNewSet(
  deployment: Deployment,
  { found, old }: SetsOfDeployment,
  deps: Deps,
): Promise<Ensured<ReplicaSet | undefined>> {
  if (found === undefined) return { newSet: undefined, deployment };
  const newSet = await inLine(deployment, { found, old }, deps);
  const name = JSON.stringify(newSet.metadata?.name);
  const progress: ConditionText | undefined =
    hasDeadline(deployment) && conditionOf(deployment.status, "Progressing") === undefined
      ? { status: "True", reason: "FoundNewReplicaSet", message: `Found new replica set ${name}` }
      : undefined;
  return { newSet, deployment: await noteRevision(deployment, newSet, { deps, progress }) };
}

async function inLine(
  deployment: Deployment,
  { found, old }: { readonly found: ReplicaSet; readonly old: readonly ReplicaSet[] },
  deps: Deps,
): Promise<ReplicaSet> {
  const current = found.metadata?.annotations ?? {};
  const annotations = newSetAnnotations(deployment, current, nextRevision(old));
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  const isInLine =
    canonical(annotations) === canonical(current) && (found.spec?.minReadySeconds ?? 0) === minReadySeconds;
  if (isInLine) return found;
  return deps.client.resource(replicaSets, found.metadata?.namespace).update({
    ...found,
    metadata: { ...found.metadata, annotations },
    spec: { ...(found.spec ?? { selector: {} }), minReadySeconds },
  });
}

export async function createNewSet(
  deployment: Deployment,
  owner: Owner,
  { old, deps }: { readonly old: readonly ReplicaSet[]; readonly deps: Deps },
): Promise<Ensured> {
  const wanted = newSetOf(deployment, owner, old);
  const sets = deps.client.resource(replicaSets, owner.namespace);
  const name = wanted.metadata?.name ?? "";
  try {
    const newSet = await sets.create(wanted);
    const size = newSet.spec?.replicas ?? 0;
    if (size > 0) {
      deps.events.event(
        deployment,
        "Normal",
        "ScalingReplicaSet",
        `Scaled up replica set ${name} from 0 to ${size}`,
      );
    }
    const progress: ConditionText | undefined = hasDeadline(deployment)
      ? {
          status: "True",
          reason: "NewReplicaSetCreated",
          message: `Created new replica set ${JSON.stringify(name)}`,
        }
      : undefined;
    return { newSet, deployment: await noteRevision(deployment, newSet, { deps, progress }) };
  } catch (error) {
    if (isAlreadyExists(error)) {
      return { newSet: await resolveCollision(deployment, wanted, deps), deployment };
    }
    if (!isNamespaceTerminating(error)) await noteFailure(deployment, name, { deps, error });
    throw error;
  }
}

function newSetOf(deployment: Deployment, owner: Owner, old: readonly ReplicaSet[]): ReplicaSet {
  const template = deployment.spec?.template;
  const hash = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template?.metadata?.labels, [hashLabel]: hash };
  const selector = deployment.spec?.selector;
  const wanted: ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${owner.name}-${hash}`,
      namespace: owner.namespace,
      labels,
      annotations: {
        ...newSetAnnotations(deployment, {}, nextRevision(old)),
        ...sizeAnnotations(deployment),
      },
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      replicas: newSetSize(deployment, old, 0),
      minReadySeconds: deployment.spec?.minReadySeconds,
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template?.metadata, labels } },
    },
  };
  return wanted;
}

/** The name is taken: by our own set that the cache hasn't seen yet, or by another template of the same hash. */
async function resolveCollision(deployment: Deployment, wanted: ReplicaSet, deps: Deps): Promise<ReplicaSet> {
  const namespace = wanted.metadata?.namespace;
  const there = await deps.client.resource(replicaSets, namespace).get(wanted.metadata?.name ?? "");
  if (
    controllerOf(there)?.uid === deployment.metadata?.uid &&
    sameTemplate(there.spec?.template, deployment.spec?.template)
  ) {
    return there;
  }
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  const status = { ...deployment.status, collisionCount };
  await deps.client.resource(deployments, namespace).updateStatus({ ...deployment, status });
  throw new Error(
    `the name ${wanted.metadata?.name} is taken by another template, collision ${collisionCount}`,
  );
}

async function noteFailure(
  deployment: Deployment,
  name: string,
  { deps, error }: { readonly deps: Deps; readonly error: unknown },
): Promise<void> {
  const message = `Failed to create new replica set ${JSON.stringify(name)}: ${errorText(error)}`;
  deps.events.event(deployment, "Warning", "ReplicaSetCreateError", message);
  if (!hasDeadline(deployment)) return;
  const text: ConditionText = { status: "False", reason: "ReplicaSetCreateError", message };
  const status = withCondition(deployment.status ?? {}, "Progressing", text, deps.clock.now());
  if (status === deployment.status) return;
  await deps.client
    .resource(deployments, deployment.metadata?.namespace)
    .updateStatus({ ...deployment, status });
}

/**
 * The Deployment shows the revision it is at: what `kubectl rollout history` and `undo` go by. It is written through
 * /status: whoever changes annotations otherwise begins a new generation. upstream: SetDeploymentRevision, and UpdateStatus after it
 */
async function noteRevision(
  deployment: Deployment,
  newSet: ReplicaSet,
  { deps, progress }: { readonly deps: Deps; readonly progress: ConditionText | undefined },
): Promise<Deployment> {
  const { metadata, status = {} } = deployment;
  const revision = newSet.metadata?.annotations?.[revisionAnnotation] ?? "";
  if (metadata?.annotations?.[revisionAnnotation] === revision && progress === undefined) return deployment;
  return deps.client.resource(deployments, metadata?.namespace).updateStatus({
    ...deployment,
    metadata: { ...metadata, annotations: { ...metadata?.annotations, [revisionAnnotation]: revision } },
    status:
      progress === undefined ? status : withCondition(status, "Progressing", progress, deps.clock.now()),
  });
}
