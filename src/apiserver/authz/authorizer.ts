/** Who may do what. */
import type { UserInfo } from "#apiserver/authn/authenticator.ts";

export interface Attributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly path: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** Of list, watch and deletecollection too, when the field selector asks for one metadata.name. */
  readonly name: string;
  /** As in the query. They only narrow what is asked for, so what can't be understood of them may be left out. */
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
}

export interface Decision {
  readonly allowed: boolean;
  /** Denied outright: nobody else is asked. */
  readonly denied: boolean;
  readonly reason: string;
  /** Somebody couldn't be asked. What isn't allowed then failed, and wasn't forbidden. */
  readonly error?: string | undefined;
}

export interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface NonResourceRule {
  readonly verbs: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

/** All that a user may do, as far as an authorizer can tell. */
export interface UserRules {
  readonly resourceRules: readonly ResourceRule[];
  readonly nonResourceRules: readonly NonResourceRule[];
  readonly incomplete: boolean;
  /** Why the rules aren't all, if so. */
  readonly evaluationError?: string | undefined;
}

export interface Authorizer {
  authorize(attributes: Attributes): Decision | Promise<Decision>;
  /** For SelfSubjectRulesReview. */
  rulesFor(user: UserInfo, namespace: string): Promise<UserRules>;
}
