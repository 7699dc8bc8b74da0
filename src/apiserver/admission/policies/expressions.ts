/**
 * Compiled expressions of admission (policies, match conditions) and their evaluation over one request.
 * upstream: apiserver/pkg/admission/plugin/cel/{composition,condition}.go, webhook/matchconditions
 */
import type { Program } from "#api/cel/environment.ts";
import type { AuthorizerAnswer, AuthorizerQuestion } from "#api/cel/library/authorizer.ts";
import type { ComposedVariable, Expression } from "#api/cel/policy/compiler.ts";
import type { Value } from "#api/cel/values.ts";
import type { Expressions } from "#api/expressions.ts";
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { serviceAccountGroups, serviceAccountUserName } from "#apiserver/authn/user.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { Clock } from "#base/clock.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Subject } from "../webhooks/version.ts";
import { namespaceObject, requestObject } from "./request-object.ts";

/** All expressions of one policy over one request together. upstream: apiserver/pkg/apis/cel/config.go */
const budgetMax = 10_000_000;

export interface EvaluationInput {
  readonly engine: Expressions;
  readonly attributes: AdmissionAttributes;
  /** The objects in the version that is judged. */
  readonly subject: Subject;
  /** Undefined: no parameters. */
  readonly params: unknown;
  readonly namespace: Namespace | undefined;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
}

/** The budget of a policy is used up: nothing more of it is evaluated. */
export class BudgetError extends Error {
  constructor() {
    super("validation failed due to running out of cost budget, no further validation rules will be run");
  }
}

/** Values of one request, shared by the expressions of one policy: variables are evaluated once, when first used. */
export class ExpressionRun {
  readonly engine: Expressions;
  readonly clock: Clock;
  readonly #input: EvaluationInput;
  readonly #variables: ReadonlyMap<string, Expression>;
  readonly #values = new Map<string, Value>();
  readonly #composed = new Map<string, Value>();
  readonly #answers = new Map<string, AuthorizerAnswer>();
  #budget = budgetMax;

  constructor(input: EvaluationInput, variables: readonly ComposedVariable[]) {
    this.engine = input.engine;
    this.clock = input.clock;
    this.#input = input;
    this.#variables = new Map(variables.map(({ name, expression }) => [name, expression]));
  }

  /** A Fault where it went wrong. Throws BudgetError. */
  async evaluate({ text, program, fault }: Expression): Promise<Value> {
    const { Fault, CostLimitError, PendingAnswer } = this.engine;
    if (program === undefined) return new Fault(`compilation error: ${fault}`);
    for (;;) {
      try {
        const value = this.#run(program);
        return value instanceof Fault
          ? new Fault(`expression '${text}' resulted in error: ${value.message}`)
          : value;
      } catch (error) {
        // Asks at most twice, for the cost of the answers.
        if (error instanceof PendingAnswer) await this.#answer(error.question);
        else if (error instanceof CostLimitError) {
          return new Fault(`expression '${text}' resulted in error: ${error.message}`);
        } else throw error;
      }
    }
  }

  #run(program: Program): Value {
    const { value, cost } = program.run((name) => this.#variable(name), this.engine.perCallLimit);
    this.#budget -= cost;
    if (this.#budget < 0) throw new BudgetError();
    return value;
  }

  #variable(name: string): Value | undefined {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const value = this.#make(name);
    if (value !== undefined) this.#values.set(name, value);
    return value;
  }

  #make(name: string): Value | undefined {
    const { attributes, subject, params, namespace } = this.#input;
    const { AuthorizerValue, ComposedValues, dynamicValue } = this.engine;
    switch (name) {
      case "object":
        return dynamicValue(subject.seen.object ?? null);
      case "oldObject":
        return dynamicValue(subject.seen.oldObject ?? null);
      case "request":
        return dynamicValue(requestObject(attributes, subject.named));
      case "namespaceObject":
        return dynamicValue(namespaceObject(namespace));
      case "params":
        return dynamicValue(params ?? null);
      case "variables":
        return new ComposedValues([...this.#variables.keys()], (variable) => this.#compose(variable));
      case "authorizer":
        return new AuthorizerValue((question) => this.#known(question));
      case "authorizer.requestResource":
        return this.#requestResource();
      default:
        return undefined;
    }
  }

  #requestResource(): Value {
    const { gvr, subresource, namespace, name } = this.#input.attributes;
    return new this.engine.AuthorizerValue((question) => this.#known(question), "ResourceCheck", {
      group: gvr.group,
      resource: gvr.resource,
      subresource,
      namespace,
      name,
    });
  }

  #compose(name: string): Value {
    const { Fault } = this.engine;
    const known = this.#composed.get(name);
    if (known !== undefined) return known;
    const expression = this.#variables.get(name);
    const quoted = JSON.stringify(name);
    if (expression?.program === undefined) {
      return new Fault(`composited variable ${quoted} fails to compile: ${expression?.fault ?? ""}`);
    }
    const value = this.#run(expression.program);
    const shown =
      value instanceof Fault
        ? new Fault(`composited variable ${quoted} fails to evaluate: ${value.message}`)
        : value;
    this.#composed.set(name, shown);
    return shown;
  }

  #known(question: AuthorizerQuestion): AuthorizerAnswer {
    const answer = this.#answers.get(JSON.stringify(question));
    if (answer === undefined) throw new this.engine.PendingAnswer(question);
    return answer;
  }

  async #answer(question: AuthorizerQuestion): Promise<void> {
    const { attributes, authorizer } = this.#input;
    const account = question.serviceAccount;
    const user =
      account === undefined
        ? attributes.user
        : {
            name: serviceAccountUserName(account.namespace, account.name),
            groups: [...serviceAccountGroups(account.namespace), "system:authenticated"],
          };
    const decision = await authorizer.authorize({
      user,
      verb: question.verb,
      isResourceRequest: question.path === undefined,
      path: question.path ?? "",
      group: question.group,
      version: question.path === undefined ? "*" : "",
      resource: question.resource,
      subresource: question.subresource,
      namespace: question.namespace,
      name: question.name,
      fieldSelector: question.fieldSelector,
      labelSelector: question.labelSelector,
    });
    this.#answers.set(JSON.stringify(question), {
      allowed: decision.allowed,
      reason: decision.reason,
      error: decision.error ?? "",
    });
  }
}

export interface ConditionsResult {
  readonly matches: boolean;
  /** Conditions that couldn't be told, and no other said no. */
  readonly error: string;
  /** So many of them. */
  readonly errors: number;
  readonly ms: number;
}

/** Whether all match conditions hold; one that says no counts before any that fails. */
export async function matchConditions(
  conditions: readonly Expression[],
  run: ExpressionRun,
): Promise<ConditionsResult> {
  const began = run.clock.monotonic();
  const took = (): number => run.clock.monotonic() - began;
  const errors: string[] = [];
  for (const condition of conditions) {
    const value = await run.evaluate(condition);
    if (value === false) return { matches: false, error: "", errors: errors.length, ms: took() };
    if (value instanceof run.engine.Fault) errors.push(value.message);
  }
  const [only = ""] = errors;
  const error = errors.length > 1 ? `[${errors.join(", ")}]` : only;
  return { matches: errors.length === 0, error, errors: errors.length, ms: took() };
}
