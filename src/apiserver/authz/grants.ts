/** Which rules a user holds, and by which binding. upstream: pkg/registry/rbac/validation/rule.go */
import type {
  ClusterRoleBinding,
  PolicyRule,
  RoleBinding,
  RoleRef,
  Subject,
} from "#api/generated/types/rbac-v1.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { notFoundError, type StatusError } from "#api/meta/status.ts";
import type { RoleReader } from "./role-reader.ts";

const group = "rbac.authorization.k8s.io";

export interface Grant {
  readonly rule: PolicyRule;
  /** `ClusterRoleBinding "x" of ClusterRole "y" to Group "z"` */
  readonly source: string;
}

export interface Grants {
  readonly grants: readonly Grant[];
  /** Bindings whose role doesn't exist. */
  readonly faults: readonly string[];
}

/** Cluster-wide grants first, then those of the namespace ("" means none). */
export function grantsOf(reader: RoleReader, user: UserInfo, namespace: string): Grants {
  const grants: Grant[] = [];
  const asked = { name: user.name, groups: new Set(user.groups) };
  const faults: string[] = [];
  const collect = (
    binding: ClusterRoleBinding | RoleBinding,
    kind: string,
    bindingNamespace: string,
  ): void => {
    const subject = binding.subjects?.find((candidate) => appliesTo(asked, candidate, bindingNamespace));
    if (subject === undefined) return;
    const rules = roleRules(reader, binding.roleRef, bindingNamespace);
    if (rules === undefined) {
      faults.push(missingRole(binding.roleRef).message);
      return;
    }
    const name = binding.metadata?.name ?? "";
    const path = bindingNamespace === "" ? name : `${name}/${bindingNamespace}`;
    const { kind: roleKind, name: role } = binding.roleRef;
    const source = `${kind} "${path}" of ${roleKind} "${role}" to ${subjectText(subject, bindingNamespace)}`;
    for (const rule of rules) grants.push({ rule, source });
  };
  for (const binding of reader.clusterRoleBindings()) collect(binding, "ClusterRoleBinding", "");
  if (namespace !== "") {
    for (const binding of reader.roleBindings(namespace)) collect(binding, "RoleBinding", namespace);
  }
  return { grants, faults };
}

/** The rules a binding hands out; undefined when the role doesn't exist. */
export function roleRules(
  reader: RoleReader,
  ref: RoleRef,
  namespace: string,
): readonly PolicyRule[] | undefined {
  const role = ref.kind === "Role" ? reader.role(namespace, ref.name) : reader.clusterRole(ref.name);
  return role === undefined ? undefined : (role.rules ?? []);
}

export function missingRole(ref: RoleRef): StatusError {
  return notFoundError({ group, resource: ref.kind === "Role" ? "role" : "clusterrole", name: ref.name });
}

interface Asked {
  readonly name: string;
  /** A review may ask about as many as fit into a request, against as many subjects. */
  readonly groups: ReadonlySet<string>;
}

function appliesTo(user: Asked, subject: Subject, bindingNamespace: string): boolean {
  switch (subject.kind) {
    case "User":
      return user.name === subject.name;
    case "Group":
      return user.groups.has(subject.name);
    case "ServiceAccount": {
      const namespace = accountNamespace(subject, bindingNamespace);
      return namespace !== "" && user.name === `system:serviceaccount:${namespace}:${subject.name}`;
    }
    default:
      return false;
  }
}

/** An account named without a namespace is one of the binding's own namespace. */
const accountNamespace = (subject: Subject, bindingNamespace: string): string =>
  subject.namespace === undefined || subject.namespace === "" ? bindingNamespace : subject.namespace;

function subjectText(subject: Subject, bindingNamespace: string): string {
  return subject.kind === "ServiceAccount"
    ? `ServiceAccount "${subject.name}/${accountNamespace(subject, bindingNamespace)}"`
    : `${subject.kind} "${subject.name}"`;
}
