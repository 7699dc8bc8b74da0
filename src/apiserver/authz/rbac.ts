/** Role-based access control. upstream: plugin/pkg/auth/authorizer/rbac/rbac.go */
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { LruCache } from "#pki/lru.ts";
import type {
  Attributes,
  Authorizer,
  Decision,
  NonResourceRule,
  ResourceRule,
  UserRules,
} from "./authorizer.ts";
import { grantsOf, type Grants } from "./grants.ts";
import type { RoleReader } from "./role-reader.ts";
import { ruleAllows } from "./rules.ts";

/** Pairs of user and namespace whose grants are remembered until a role or a binding changes. */
const rememberedMax = 2048;
/** In characters: namespaces, which anybody may ask for, and groups may be as long as a request. Longer ones aren't remembered. */
const keyMax = 4096;

export class RbacAuthorizer implements Authorizer {
  readonly #reader: RoleReader;
  readonly #remembered = new LruCache<Grants>(rememberedMax);
  /** Authentication hands out the same object for the same user most of the time. */
  readonly #keys = new WeakMap<UserInfo, string>();
  #version = -1;

  constructor(reader: RoleReader) {
    this.#reader = reader;
  }

  authorize(attributes: Attributes): Decision {
    const { grants, faults } = this.#grantsOf(attributes.user, attributes.namespace);
    const grant = grants.find(({ rule }) => ruleAllows(rule, attributes));
    if (grant !== undefined) {
      return { allowed: true, denied: false, reason: `RBAC: allowed by ${grant.source}` };
    }
    return { allowed: false, denied: false, reason: faults.length === 0 ? "" : `RBAC: ${faultText(faults)}` };
  }

  rulesFor(user: UserInfo, namespace: string): Promise<UserRules> {
    const { grants, faults } = this.#grantsOf(user, namespace);
    const resourceRules: ResourceRule[] = [];
    const nonResourceRules: NonResourceRule[] = [];
    for (const { rule } of grants) {
      if ((rule.resources ?? []).length > 0) {
        resourceRules.push({
          verbs: rule.verbs,
          apiGroups: rule.apiGroups ?? [],
          resources: rule.resources ?? [],
          ...(rule.resourceNames === undefined ? {} : { resourceNames: rule.resourceNames }),
        });
      }
      if ((rule.nonResourceURLs ?? []).length > 0) {
        nonResourceRules.push({ verbs: rule.verbs, nonResourceURLs: rule.nonResourceURLs ?? [] });
      }
    }
    return Promise.resolve({
      resourceRules,
      nonResourceRules,
      incomplete: faults.length > 0,
      ...(faults.length === 0 ? {} : { evaluationError: faultText(faults) }),
    });
  }

  /** Quoted, so that no name with odd characters can be taken for another user's. */
  #keyOf(user: UserInfo): string {
    let key = this.#keys.get(user);
    if (key === undefined) {
      key = JSON.stringify([user.name, user.groups]);
      this.#keys.set(user, key);
    }
    return key;
  }

  #grantsOf(user: UserInfo, namespace: string): Grants {
    if (this.#version !== this.#reader.version) {
      this.#remembered.clear();
      this.#version = this.#reader.version;
    }
    const key = `${namespace} ${this.#keyOf(user)}`;
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    const grants = grantsOf(this.#reader, user, namespace);
    if (key.length <= keyMax) this.#remembered.set(key, grants);
    return grants;
  }
}

const faultText = (faults: readonly string[]): string =>
  faults.length === 1 ? (faults[0] ?? "") : `[${[...new Set(faults)].join(", ")}]`;
