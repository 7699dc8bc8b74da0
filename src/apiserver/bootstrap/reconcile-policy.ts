/**
 * Adds what is missing in default roles and bindings, and takes nothing away: an administrator's additions stay.
 * Objects annotated autoupdate "false" aren't touched. upstream: pkg/registry/rbac/reconciliation
 */
import type {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  Subject,
} from "#api/generated/types/rbac-v1.ts";
import type { KubeObject, ObjectMeta } from "#api/meta/object.ts";
import { aggregatedRules } from "#apiserver/authz/aggregation.ts";
import { missingRules } from "#apiserver/authz/covers.ts";

const autoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

export type Change<T> =
  | { readonly action: "create"; readonly object: T }
  | { readonly action: "update"; readonly object: T }
  /** What a binding refers to never changes, so it is deleted and made anew. */
  | { readonly action: "replace"; readonly object: T };

const isProtected = (object: KubeObject): boolean =>
  /^(0|f|F|false|FALSE|False)$/.test(object.metadata?.annotations?.[autoUpdate] ?? "");

/** Undefined: the role is as it should be, or has more, or must not be touched. */
export function planRole<T extends Role | ClusterRole>(
  existing: T | undefined,
  expected: T,
): Change<T> | undefined {
  if (existing === undefined) return { action: "create", object: expected };
  if (isProtected(existing)) return undefined;
  const metadata = mergeMetadata(existing.metadata, expected.metadata);
  const object: T = { ...existing, metadata: metadata ?? existing.metadata };
  const missing =
    aggregationOf(expected) === undefined ? missingRules(existing.rules ?? [], expected.rules ?? []) : [];
  if (missing.length > 0) object.rules = [...(existing.rules ?? []), ...missing];
  const selectors = missingSelectors(existing, expected);
  if (selectors.length > 0) {
    Object.assign(object, {
      aggregationRule: {
        clusterRoleSelectors: [...(aggregationOf(existing)?.clusterRoleSelectors ?? []), ...selectors],
      },
    });
  }
  const unchanged = metadata === undefined && missing.length + selectors.length === 0;
  return unchanged ? undefined : { action: "update", object };
}

const aggregationOf = (role: Role | ClusterRole): ClusterRole["aggregationRule"] =>
  "aggregationRule" in role ? role.aggregationRule : undefined;

type Selectors = NonNullable<NonNullable<ClusterRole["aggregationRule"]>["clusterRoleSelectors"]>;

function missingSelectors(existing: Role | ClusterRole, expected: Role | ClusterRole): Selectors {
  const held = (aggregationOf(existing)?.clusterRoleSelectors ?? []).map((selector) =>
    JSON.stringify(selector),
  );
  return (aggregationOf(expected)?.clusterRoleSelectors ?? []).filter(
    (selector) => !held.includes(JSON.stringify(selector)),
  );
}

export function planBinding<T extends RoleBinding | ClusterRoleBinding>(
  existing: T | undefined,
  expected: T,
): Change<T> | undefined {
  if (existing === undefined) return { action: "create", object: expected };
  if (isProtected(existing)) return undefined;
  const { kind, name } = existing.roleRef;
  if (kind !== expected.roleRef.kind || name !== expected.roleRef.name) {
    return { action: "replace", object: expected };
  }
  const metadata = mergeMetadata(existing.metadata, expected.metadata);
  const missing = (expected.subjects ?? []).filter(
    (subject) => existing.subjects?.some((held) => isSameSubject(held, subject)) !== true,
  );
  if (metadata === undefined && missing.length === 0) return undefined;
  return {
    action: "update",
    object: {
      ...existing,
      metadata: metadata ?? existing.metadata,
      ...(missing.length === 0 ? {} : { subjects: [...(existing.subjects ?? []), ...missing] }),
    },
  };
}

const isSameSubject = (a: Subject, b: Subject): boolean =>
  a.kind === b.kind &&
  a.name === b.name &&
  (a.namespace ?? "") === (b.namespace ?? "") &&
  (a.apiGroup ?? "") === (b.apiGroup ?? "");

/** Labels and annotations that aren't there are added, what is there wins. Undefined: nothing to add. */
function mergeMetadata(
  existing: ObjectMeta | undefined,
  expected: ObjectMeta | undefined,
): ObjectMeta | undefined {
  const labels = { ...expected?.labels, ...existing?.labels };
  const annotations = { ...expected?.annotations, ...existing?.annotations };
  const added =
    Object.keys(labels).length > Object.keys(existing?.labels ?? {}).length ||
    Object.keys(annotations).length > Object.keys(existing?.annotations ?? {}).length;
  return added ? { ...existing, labels, annotations } : undefined;
}

/**
 * Summed roles with their rules already filled in, so that they count from their creation on.
 * Sums of sums need as many rounds as there are levels; three are admin, edit and view.
 */
export function withSums(roles: readonly ClusterRole[]): ClusterRole[] {
  let result = [...roles];
  for (let level = 0; level < 3; level++) {
    const current = result;
    result = current.map((role) => {
      const rules = aggregatedRules(role, current);
      return rules === undefined ? role : { ...role, rules };
    });
  }
  return result;
}
