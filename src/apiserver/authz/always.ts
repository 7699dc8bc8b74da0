/** The modes AlwaysAllow and AlwaysDeny. upstream: apiserver/pkg/authorization/authorizerfactory/builtin.go */
import type { Authorizer, Decision, UserRules } from "./authorizer.ts";

export class AlwaysAllowAuthorizer implements Authorizer {
  authorize(): Decision {
    return { allowed: true, denied: false, reason: "" };
  }

  rulesFor(): Promise<UserRules> {
    return Promise.resolve({
      resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
      nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
      incomplete: false,
    });
  }
}

/** Has no opinion, whatever is asked: later ones may still allow it. */
export class AlwaysDenyAuthorizer implements Authorizer {
  authorize(): Decision {
    return { allowed: false, denied: false, reason: "Everything is forbidden." };
  }

  rulesFor(): Promise<UserRules> {
    return Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false });
  }
}
