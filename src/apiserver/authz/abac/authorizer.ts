/** The mode ABAC: what the policies of a file allow. upstream: pkg/auth/authorizer/abac/abac.go */
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Attributes, Authorizer, Decision, UserRules } from "../authorizer.ts";
import type { Policy } from "./policy-file.ts";
import { urlPatternMatches } from "../../request/url-pattern.ts";

const readVerbs = ["get", "list", "watch"];

const allowed: Decision = { allowed: true, denied: false, reason: "" };
const noPolicy: Decision = { allowed: false, denied: false, reason: "No policy matched." };

export class AbacAuthorizer implements Authorizer {
  readonly #policies: readonly Policy[];

  constructor(policies: readonly Policy[]) {
    this.#policies = policies;
  }

  authorize(attributes: Attributes): Decision {
    return this.#policies.some((policy) => allows(policy, attributes)) ? allowed : noPolicy;
  }

  rulesFor(user: UserInfo, namespace: string): Promise<UserRules> {
    const own = this.#policies.filter(
      (policy) => isAbout(policy, user) && includes(policy.namespace, namespace),
    );
    return Promise.resolve({
      resourceRules: own
        .filter(({ resource }) => resource !== "")
        .map((policy) => ({
          verbs: verbsOf(policy),
          apiGroups: [policy.apiGroup],
          resources: [policy.resource],
        })),
      nonResourceRules: own
        .filter(({ nonResourcePath }) => nonResourcePath !== "")
        .map((policy) => ({ verbs: verbsOf(policy), nonResourceURLs: [policy.nonResourcePath] })),
      incomplete: false,
    });
  }
}

const verbsOf = (policy: Policy): readonly string[] => (policy.readonly ? readVerbs : ["*"]);

function allows(policy: Policy, attributes: Attributes): boolean {
  if (!isAbout(policy, attributes.user)) return false;
  if (policy.readonly && !readVerbs.includes(attributes.verb)) return false;
  if (!attributes.isResourceRequest) return urlPatternMatches(policy.nonResourcePath, attributes.path);
  return (
    includes(policy.namespace, attributes.namespace) &&
    includes(policy.resource, attributes.resource) &&
    includes(policy.apiGroup, attributes.group)
  );
}

/** Both must fit where both are named; one of them must be. */
function isAbout({ user, group }: Policy, { name, groups }: UserInfo): boolean {
  if (user === "" && group === "") return false;
  return (user === "" || user === name) && (group === "" || groups.includes(group));
}

const includes = (wanted: string, value: string): boolean => wanted === "*" || wanted === value;
