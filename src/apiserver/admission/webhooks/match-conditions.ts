/** Conditions in CEL under which a webhook is asked at all. upstream: apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go */
import type { MatchCondition } from "#api/generated/types/admissionregistration-v1.ts";
import type { Program } from "#api/cel/environment.ts";
import type { AuthorizerAnswer, AuthorizerQuestion } from "#api/cel/library/authorizer.ts";
import type { Value } from "#api/cel/values.ts";
import type { Expressions } from "#api/expressions.ts";
import type { StatusError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import type { AdmissionMetrics } from "#apiserver/metrics/admission-metrics.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { serviceAccountGroups, serviceAccountUserName } from "#apiserver/authn/user.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { refuse } from "../refuse.ts";
import { requestOf, type Question } from "./review.ts";
import type { Hook } from "./source.ts";

export interface MatchConditionsDeps {
  readonly loadExpressions: () => Promise<Expressions>;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly metrics: AdmissionMetrics;
}

/** upstream: RuntimeCELCostBudgetMatchConditions: of all conditions of one webhook together. */
const budget = 2_500_000;
const questionsMax = 100;

type Subject = Omit<Question, "uid" | "version">;

export class MatchConditions {
  readonly #deps: MatchConditionsDeps;
  readonly #programs = new WeakMap<MatchCondition, Program | string>();

  constructor(deps: MatchConditionsDeps) {
    this.#deps = deps;
  }

  /** Why an expression can't be used; undefined for a good one. */
  async fault(expression: string): Promise<string | undefined> {
    const compiled = this.#compile(expression, await this.#deps.loadExpressions());
    return typeof compiled === "string" ? compiled : undefined;
  }

  /** One false condition is enough to leave the webhook alone. Throws 403 where one fails and nothing may pass so. */
  async hold(
    hook: Hook,
    attributes: AdmissionAttributes,
    subject: Subject,
    type: "admit" | "validating",
  ): Promise<boolean> {
    const { webhook } = hook;
    const conditions = webhook.matchConditions ?? [];
    if (conditions.length === 0) return true;
    const { clock, metrics } = this.#deps;
    const began = clock.monotonic();
    const { isExcluded, faults } = await this.#told(conditions, attributes, subject);
    const owner = { kind: "webhook", name: webhook.name, type, operation: attributes.operation } as const;
    const ms = clock.monotonic() - began;
    metrics.expressions.conditions(owner, { isExcluded, errors: faults.length, ms });
    if (isExcluded) return false;
    if (faults.length === 0) return true;
    if (webhook.failurePolicy === "Ignore") return false;
    throw failed(attributes, faults);
  }

  async #told(
    conditions: readonly MatchCondition[],
    attributes: AdmissionAttributes,
    subject: Subject,
  ): Promise<{ readonly isExcluded: boolean; readonly faults: readonly string[] }> {
    const faults: string[] = [];
    let left = budget;
    for (const condition of conditions) {
      const result = await this.#evaluate(condition, attributes, subject, left);
      if (typeof result === "string") {
        faults.push(`expression '${condition.expression}' resulted in error: ${result}`);
      } else {
        if (!result.holds) return { isExcluded: true, faults };
        left -= result.cost;
      }
    }
    return { isExcluded: false, faults };
  }

  #compile(expression: string, { cel, ExpressionCompiler }: Expressions): Program | string {
    const options = { hasParams: false, hasAuthorizer: true };
    const { program, fault } = new ExpressionCompiler(cel).compile(expression, "bool", options);
    return program ?? fault;
  }

  #programOf(condition: MatchCondition, engine: Expressions): Program | string {
    let program = this.#programs.get(condition);
    if (program === undefined) {
      program = this.#compile(condition.expression, engine);
      this.#programs.set(condition, program);
    }
    return program;
  }

  async #evaluate(
    condition: MatchCondition,
    attributes: AdmissionAttributes,
    subject: Subject,
    costLimit: number,
  ): Promise<{ readonly holds: boolean; readonly cost: number } | string> {
    const engine = await this.#deps.loadExpressions();
    const { Fault, CostLimitError, PendingAnswer } = engine;
    const program = this.#programOf(condition, engine);
    if (typeof program === "string") return program;
    const answers = new Map<string, AuthorizerAnswer>();
    const variables = variablesOf(attributes, subject, answers, engine);
    for (;;) {
      try {
        const { value, cost } = program.run(variables, costLimit);
        if (value instanceof Fault) return value.message;
        return typeof value === "boolean"
          ? { holds: value, cost }
          : "cel expression should evaluate to a bool";
      } catch (error) {
        if (error instanceof CostLimitError) {
          return "validation failed due to running out of cost budget, no further validation rules will be run";
        }
        if (!(error instanceof PendingAnswer) || answers.size >= questionsMax) throw error;
        answers.set(JSON.stringify(error.question), await this.#answer(error.question, attributes.user));
      }
    }
  }

  async #answer(question: AuthorizerQuestion, asking: UserInfo): Promise<AuthorizerAnswer> {
    const { serviceAccount, path, ...rest } = question;
    const user =
      serviceAccount === undefined
        ? asking
        : {
            name: serviceAccountUserName(serviceAccount.namespace, serviceAccount.name),
            groups: [...serviceAccountGroups(serviceAccount.namespace), "system:authenticated"],
          };
    const {
      allowed,
      reason,
      error = "",
    } = await this.#deps.authorizer.authorize({
      ...rest,
      user,
      version: "*",
      path: path ?? "",
      isResourceRequest: path === undefined,
    });
    return { allowed, reason, error };
  }
}

function variablesOf(
  attributes: AdmissionAttributes,
  subject: Subject,
  answers: ReadonlyMap<string, AuthorizerAnswer>,
  { AuthorizerValue, PendingAnswer, dynamicValue }: Expressions,
): (name: string) => Value | undefined {
  const ask = (question: AuthorizerQuestion): AuthorizerAnswer => {
    const answer = answers.get(JSON.stringify(question));
    if (answer === undefined) throw new PendingAnswer(question);
    return answer;
  };
  const made = new Map<string, Value>();
  const makers: Readonly<Record<string, () => Value>> = {
    object: () => dynamicValue(subject.seen.object ?? null),
    oldObject: () => dynamicValue(subject.seen.oldObject ?? null),
    request: () => {
      const {
        uid: _uid,
        object: _object,
        oldObject: _old,
        ...request
      } = requestOf(attributes, { ...subject, uid: "" });
      return dynamicValue(request);
    },
    // Declared as in policies, but webhooks have namespaceSelector.
    namespaceObject: () => dynamicValue(null),
    authorizer: () => new AuthorizerValue(ask),
    "authorizer.requestResource": () => {
      const { gvr, subresource, namespace, name } = attributes;
      const { group, resource } = gvr;
      return new AuthorizerValue(ask, "ResourceCheck", { group, resource, subresource, namespace, name });
    },
  };
  return (name) => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const value = makers[name]?.();
    if (value !== undefined) made.set(name, value);
    return value;
  };
}

function failed(attributes: AdmissionAttributes, faults: readonly string[]): StatusError {
  const texts = [...new Set(faults)];
  return refuse(attributes, texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`);
}
