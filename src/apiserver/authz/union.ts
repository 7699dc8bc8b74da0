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
  #from(start: number, reasons: readonly string[], attributes: Attributes): Decision | Promise<Decision> {
    const collected = [...reasons];
    for (let i = start; i < this.#members.length; i++) {
      const answer = this.#members[i]?.authorize(attributes);
      if (answer === undefined) continue;
      if (answer instanceof Promise) {
        return answer.then((decision) =>
          isFinal(decision)
            ? decision
            : this.#from(
                i + 1,
                decision.reason === "" ? collected : [...collected, decision.reason],
                attributes,
              ),
        );
      }
      if (isFinal(answer)) return answer;
      if (answer.reason !== "") collected.push(answer.reason);
    }
    return { allowed: false, denied: false, reason: collected.join("\n") };
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
      ...(errors.length === 0 ? {} : { evaluationError: errors.join(", ") }),
    };
  }
}

const isFinal = (decision: Decision): boolean => decision.allowed || decision.denied;
