/**
 * Nobody hands out powers he doesn't hold: checked when roles and bindings are written.
 * upstream: pkg/registry/rbac/{escalation_check.go,clusterrole/policybased,rolebinding/policybased}
 */
import type { PolicyRule, RoleRef } from "#api/generated/types/rbac-v1.ts";
import { failure } from "#api/meta/status.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Authorizer } from "./authorizer.ts";
import { describeRules, missingRules, quoteList } from "./covers.ts";
import { grantsOf, missingRole, roleRules } from "./grants.ts";
import type { RoleReader } from "./role-reader.ts";

const group = "rbac.authorization.k8s.io";
const everything: PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/** The role or binding being written. */
export interface PolicyObject {
  readonly resource: "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings";
  readonly namespace: string;
  readonly name: string;
}

export class EscalationGuard {
  readonly #reader: RoleReader;
  readonly #authorizer: Authorizer;

  constructor(deps: { readonly reader: RoleReader; readonly authorizer: Authorizer }) {
    this.#reader = deps.reader;
    this.#authorizer = deps.authorizer;
  }

  /** Undefined: the user may write a role with these rules. Else why not. An aggregating role can get any rule. */
  async checkRole(
    user: UserInfo,
    role: PolicyObject,
    rules: readonly PolicyRule[],
    aggregates: boolean,
  ): Promise<string | undefined> {
    if (user.groups.includes("system:masters") || (await this.#may(user, "escalate", role))) return undefined;
    const fault = this.checkEscalation(user, rules, role.namespace);
    if (fault !== undefined || !aggregates) return fault;
    const all = this.checkEscalation(user, everything, role.namespace);
    return all === undefined ? undefined : "must have cluster-admin privileges to use the aggregationRule";
  }

  /** Undefined: the user may bind this role. Throws NotFound when there is no such role. */
  async checkBinding(user: UserInfo, binding: PolicyObject, ref: RoleRef): Promise<string | undefined> {
    if (user.groups.includes("system:masters")) return undefined;
    if (ref.kind !== "Role" && ref.kind !== "ClusterRole") {
      const message = `unsupported role reference kind: ${JSON.stringify(ref.kind)}`;
      throw failure({ code: 500, reason: "", message });
    }
    const bound: PolicyObject = {
      resource: ref.kind === "Role" ? "roles" : "clusterroles",
      namespace: binding.namespace,
      name: ref.name,
    };
    if (await this.#may(user, "bind", bound)) return undefined;
    const rules = roleRules(this.#reader, ref, binding.namespace);
    if (rules === undefined) throw missingRole(ref);
    return this.checkEscalation(user, rules, binding.namespace);
  }

  /** Undefined: the user holds all these rules in the namespace ("" for the cluster). */
  checkEscalation(user: UserInfo, rules: readonly PolicyRule[], namespace: string): string | undefined {
    const { grants, faults } = grantsOf(this.#reader, user, namespace);
    const missing = missingRules(
      grants.map(({ rule }) => rule),
      rules,
    );
    if (missing.length === 0) return undefined;
    const resolution = faults.length === 0 ? "" : `; resolution errors: [${faults.join(", ")}]`;
    return (
      `user ${JSON.stringify(user.name)} (groups=${quoteList(user.groups)}) is attempting to grant ` +
      `RBAC permissions not currently held:\n${describeRules(missing).join("\n")}${resolution}`
    );
  }

  async #may(user: UserInfo, verb: "escalate" | "bind", object: PolicyObject): Promise<boolean> {
    const decision = await this.#authorizer.authorize({
      user,
      verb,
      isResourceRequest: true,
      path: "",
      group,
      version: "*",
      subresource: "",
      ...object,
    });
    return decision.allowed;
  }
}
