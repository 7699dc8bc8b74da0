/** Asks one authorizer after the other. upstream: apiserver/pkg/authorization/union/union.go */
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Attributes, Authorizer, Decision, UserRules } from "./authorizer.ts";

const noRules: UserRules = { resourceRules: [], nonResourceRules: [], incomplete: false };

/** Whoever is in the group may do everything: what holds when all roles are gone. */
export class PrivilegedGroupAuthorizer implements Authorizer {
  readonly #group: string;

  constructor(group = "system:masters") {
    this.#group = group;
  }

  authorize({ user }: Attributes): Decision {
    return { allowed: user.groups.includes(this.#group), denied: false, reason: "" };
  }

  rulesFor(): Promise<UserRules> {
    return Promise.resolve(noRules);
  }
}

/** The first that allows or denies decides; the reasons of those without an opinion add up. */
export class UnionAuthorizer implements Authorizer {
  readonly #members: readonly Authorizer[];

  constructor(members: readonly Authorizer[]) {
    this.#members = members;
  }

  authorize(attributes: Attributes): Decision | Promise<Decision> {
    return this.#from(0, [], attributes);
  }

  /** Stays synchronous as long as every member answers at once. */
  #from(start: number, sofar: readonly Decision[], attributes: Attributes): Decision | Promise<Decision> {
    const collected = [...sofar];
    for (let i = start; i < this.#members.length; i++) {
      const answer = this.#members[i]?.authorize(attributes);
      if (answer === undefined) continue;
      if (answer instanceof Promise) {
        return answer.then((decision) =>
          isFinal(decision) ? decision : this.#from(i + 1, [...collected, decision], attributes),
        );
      }
      if (isFinal(answer)) return answer;
      if (answer.reason !== "" || answer.error !== undefined) collected.push(answer);
    }
    return together(collected);
  }

  async rulesFor(user: UserInfo, namespace: string): Promise<UserRules> {
    const all = await Promise.all(this.#members.map((member) => member.rulesFor(user, namespace)));
    const errors = all.flatMap(({ evaluationError }) =>
      evaluationError === undefined ? [] : [evaluationError],
    );
    return {
      resourceRules: all.flatMap(({ resourceRules }) => resourceRules),
      nonResourceRules: all.flatMap(({ nonResourceRules }) => nonResourceRules),
      incomplete: all.some(({ incomplete }) => incomplete),
      ...(errors.length === 0 ? {} : { evaluationError: aggregated(errors) }),
    };
  }
}

/** What those without an opinion said. */
function together(decisions: readonly Decision[]): Decision {
  const reasons = decisions.map(({ reason }) => reason).filter((reason) => reason !== "");
  const errors = decisions.flatMap(({ error }) => (error === undefined ? [] : [error]));
  return {
    allowed: false,
    denied: false,
    reason: reasons.join("\n"),
    ...(errors.length === 0 ? {} : { error: aggregated(errors) }),
  };
}

/** As Go's aggregates of errors are written. upstream: apimachinery/pkg/util/errors */
function aggregated(errors: readonly string[]): string {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? (distinct[0] ?? "") : `[${distinct.join(", ")}]`;
}

const isFinal = (decision: Decision): boolean => decision.allowed || decision.denied;
