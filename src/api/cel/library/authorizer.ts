/** Asking the authorizer from within an expression. upstream: apiserver/pkg/cel/library/authz.go */
import { dnsLabelFaults, dnsSubdomainFaults } from "../../meta/names.ts";
import type { Implementation, Library, LibraryFunction } from "../functions.ts";
import { Fault, noSuchOverload, Opaque, type Value } from "../values.ts";

export interface AuthorizerQuestion {
  /** Undefined: the one who sent the request. */
  readonly serviceAccount: { readonly namespace: string; readonly name: string } | undefined;
  readonly verb: string;
  /** Of a question about a path only. */
  readonly path: string | undefined;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly fieldSelector: string;
  readonly labelSelector: string;
}

export interface AuthorizerAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error: string;
}

/** Throws `PendingAnswer` for a question that it must go and ask. */
export type AskAuthorizer = (question: AuthorizerQuestion) => AuthorizerAnswer;

/** Evaluation stops here; once the answer is known, it starts again. */
export class PendingAnswer extends Error {
  readonly question: AuthorizerQuestion;
  constructor(question: AuthorizerQuestion) {
    super("an authorizer's answer is needed");
    this.question = question;
  }
}

const nobody: Omit<AuthorizerQuestion, "verb"> = {
  serviceAccount: undefined,
  path: undefined,
  group: "",
  resource: "",
  subresource: "",
  namespace: "",
  name: "",
  fieldSelector: "",
  labelSelector: "",
};

type Stage = "Authorizer" | "PathCheck" | "GroupCheck" | "ResourceCheck";

/** A question as far as it has been put together. */
export class AuthorizerValue extends Opaque {
  readonly typeName: string;
  readonly #ask: AskAuthorizer;
  readonly #question: Omit<AuthorizerQuestion, "verb">;

  constructor(ask: AskAuthorizer, stage: Stage = "Authorizer", question: Partial<AuthorizerQuestion> = {}) {
    super();
    this.typeName = `kubernetes.authorization.${stage}`;
    this.#ask = ask;
    this.#question = { ...nobody, ...question };
  }

  equals(other: Opaque): boolean {
    return this === other;
  }

  with(stage: Stage, part: Partial<AuthorizerQuestion>): AuthorizerValue {
    return new AuthorizerValue(this.#ask, stage, { ...this.#question, ...part });
  }

  check(verb: string): Value {
    return new DecisionValue(this.#ask({ ...this.#question, verb }));
  }
}

class DecisionValue extends Opaque {
  readonly typeName = "kubernetes.authorization.Decision";
  readonly answer: AuthorizerAnswer;
  constructor(answer: AuthorizerAnswer) {
    super();
    this.answer = answer;
  }
  equals(other: Opaque): boolean {
    return this === other;
  }
}

const type = (stage: string): string => `kubernetes.authorization.${stage}`;

/** A step that adds one text to the question. */
const step = (
  name: string,
  [from, to, id]: readonly [Stage, Stage, string],
  run: (value: AuthorizerValue, text: string) => Value,
): LibraryFunction => ({
  name,
  overloads: [`${id}: ${type(from)}.(string) -> ${type(to)}`],
  run: ([value, text]) =>
    value instanceof AuthorizerValue && typeof text === "string" ? run(value, text) : noSuchOverload,
});

const resourceStep = (name: keyof AuthorizerQuestion, id: string): LibraryFunction =>
  step(name, ["ResourceCheck", "ResourceCheck", id], (value, text) =>
    value.with("ResourceCheck", { [name]: text }),
  );

function serviceAccount([value, namespace, name]: readonly Value[]): Value {
  if (!(value instanceof AuthorizerValue) || typeof namespace !== "string" || typeof name !== "string") {
    return noSuchOverload;
  }
  if (dnsSubdomainFaults(name).length > 0) return new Fault("Invalid service account name");
  if (dnsLabelFaults(namespace).length > 0) return new Fault("Invalid service account namespace");
  return value.with("Authorizer", { serviceAccount: { namespace, name } });
}

const ofDecision =
  (run: (answer: AuthorizerAnswer) => Value): Implementation =>
  ([value]) =>
    value instanceof DecisionValue ? run(value.answer) : noSuchOverload;

const decision = (
  name: string,
  result: string,
  run: (answer: AuthorizerAnswer) => Value,
): LibraryFunction => ({
  name,
  overloads: [`decision_${name}: ${type("Decision")}.() -> ${result}`],
  run: ofDecision(run),
});

export const authorizerLibrary: Library = [
  step("path", ["Authorizer", "PathCheck", "authorizer_path"], (value, path) =>
    path.trim() === "" ? new Fault("path must not be empty") : value.with("PathCheck", { path }),
  ),
  step("group", ["Authorizer", "GroupCheck", "authorizer_group"], (value, group) =>
    value.with("GroupCheck", { group }),
  ),
  {
    name: "serviceAccount",
    overloads: [`authorizer_serviceaccount: ${type("Authorizer")}.(string, string) -> ${type("Authorizer")}`],
    run: serviceAccount,
  },
  step("resource", ["GroupCheck", "ResourceCheck", "groupcheck_resource"], (value, resource) =>
    resource.trim() === ""
      ? new Fault("resource must not be empty")
      : value.with("ResourceCheck", { resource }),
  ),
  resourceStep("subresource", "resourcecheck_subresource"),
  resourceStep("namespace", "resourcecheck_namespace"),
  resourceStep("name", "resourcecheck_name"),
  resourceStep("fieldSelector", "authorizer_fieldselector"),
  resourceStep("labelSelector", "authorizer_labelselector"),
  {
    name: "check",
    overloads: [
      `pathcheck_check: ${type("PathCheck")}.(string) -> ${type("Decision")}`,
      `resourcecheck_check: ${type("ResourceCheck")}.(string) -> ${type("Decision")}`,
    ],
    run: ([value, verb]) =>
      value instanceof AuthorizerValue && typeof verb === "string" ? value.check(verb) : noSuchOverload,
  },
  decision("errored", "bool", ({ error }) => error !== ""),
  decision("error", "string", ({ error }) => error),
  decision("allowed", "bool", ({ allowed }) => allowed),
  decision("reason", "string", ({ reason }) => reason),
];
