/**
 * MutatingAdmissionPolicy: policies with bindings change what is written, one after the other, by name.
 * upstream: apiserver/pkg/admission/plugin/policy/mutating/dispatcher.go
 */
import type { CompiledMutatingPolicy } from "#api/cel/policy/mutating-policy.ts";
import type { Expression } from "#api/cel/policy/compiler.ts";
import type { Value } from "#api/cel/values.ts";
import type { Expressions } from "#api/expressions.ts";
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
} from "#api/generated/types/admissionregistration-v1beta1.ts";
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { isSame } from "#api/meta/field-rules.ts";
import type { AnyObject, KubeObject } from "#api/meta/object.ts";
import { failure, type StatusError } from "#api/meta/status.ts";
import { namespaces } from "#api/resources.ts";
import type { Lister } from "#client/cache/informer.ts";
import type { AdmissionAttributes, AdmissionPlugin, AdmissionRound } from "../admission.ts";
import { Lookup } from "../lookup.ts";
import { Readiness } from "../readiness.ts";
import { refuse } from "../refuse.ts";
import { Reinvocations, replaceContents } from "../reinvocations.ts";
import { isExempt } from "../webhooks/matching.ts";
import type { Named } from "../webhooks/object-types.ts";
import { converted, inVersion, isSameKind, subjectOf } from "../webhooks/version.ts";
import type { CheckError } from "#apiserver/metrics/expression-metrics.ts";
import {
  BudgetError,
  ExpressionRun,
  matchConditions,
  type ConditionsResult,
  type EvaluationInput,
} from "./expressions.ts";
import { PolicyMatcher } from "./matching.ts";
import type { MutatingPolicyRefs } from "./mutating-refs.ts";
import { ConfigurationError, ParamReader } from "./params.ts";
import { mutated, MutationError } from "./patches.ts";
import type { PolicyDeps } from "./validating.ts";

/** A policy with one binding and one object of parameters. */
interface Invocation {
  readonly policy: MutatingAdmissionPolicy;
  readonly binding: string;
  readonly named: Named;
  readonly params: AnyObject | undefined;
}

interface Refusal {
  readonly policy: MutatingAdmissionPolicy;
  readonly binding: string;
  readonly message: string;
  readonly reason: string;
}

interface Relevant {
  readonly invocations: Invocation[];
  readonly refusals: Refusal[];
}

interface Call {
  readonly attributes: AdmissionAttributes;
  readonly round: AdmissionRound;
  readonly again: Reinvocations;
  readonly engine: Expressions;
  readonly namespace: Namespace | undefined;
}

const byName = (a: KubeObject, b: KubeObject): number =>
  (a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1;

export class MutatingPolicies implements AdmissionPlugin {
  readonly name = "MutatingAdmissionPolicy";
  readonly #deps: PolicyDeps;
  readonly #policies: Lister<MutatingAdmissionPolicy>;
  readonly #bindings: Lister<MutatingAdmissionPolicyBinding>;
  readonly #readiness: Readiness;
  readonly #matcher: PolicyMatcher;
  readonly #params: ParamReader;
  /** By the shared object of the cache: another revision is another object. */
  readonly #compiled = new WeakMap<MutatingAdmissionPolicy, CompiledMutatingPolicy>();

  constructor(refs: MutatingPolicyRefs, deps: PolicyDeps) {
    this.#deps = deps;
    const policies = deps.informers.informer(refs.policies);
    const bindings = deps.informers.informer(refs.bindings);
    this.#policies = policies.lister;
    this.#bindings = bindings.lister;
    this.#readiness = new Readiness([policies, bindings], deps.clock);
    this.#matcher = new PolicyMatcher(new Lookup<Namespace>(namespaces, deps), deps.types);
    this.#params = new ParamReader(deps.client, deps.types);
  }

  handles(): boolean {
    return (this.#policies.size > 0 && this.#bindings.size > 0) || !this.#readiness.isReady;
  }

  async admit(attributes: AdmissionAttributes, round: AdmissionRound): Promise<void> {
    if (isExempt(attributes)) return;
    await this.#readiness.reached(attributes);
    const { invocations, refusals } = await this.#relevant(attributes);
    if (invocations.length > 0) {
      const again = Reinvocations.begin(this.name, round, attributes.object);
      try {
        const engine = await this.#deps.loadExpressions();
        const namespace = await this.#matcher.namespaceOf(attributes);
        const call = { attributes, round, again, engine, namespace };
        for (const invocation of invocations) refusals.push(...(await this.#invoke(invocation, call)));
      } finally {
        again.end(attributes.object);
      }
    }
    const failures = refusals.filter(({ policy }) => policy.spec?.failurePolicy !== "Ignore");
    if (failures.length > 0) throw refusalError(attributes, failures);
  }

  async #relevant(attributes: AdmissionAttributes): Promise<Relevant> {
    const found: Relevant = { invocations: [], refusals: [] };
    const bindings = this.#bindings.list().toSorted(byName);
    for (const policy of this.#policies.list().toSorted(byName)) {
      const own = bindings.filter(({ spec }) => spec?.policyName === policy.metadata?.name);
      if (own.length === 0) continue;
      const named = await this.#matcher.match(policy.spec?.matchConstraints ?? {}, attributes);
      if (named === undefined) continue;
      for (const binding of own) await this.#bind({ policy, named }, binding, attributes, found);
    }
    return found;
  }

  async #bind(
    bound: Pick<Invocation, "policy" | "named">,
    { metadata, spec = {} }: MutatingAdmissionPolicyBinding,
    attributes: AdmissionAttributes,
    { invocations, refusals }: Relevant,
  ): Promise<void> {
    if ((await this.#matcher.match(spec.matchResources ?? {}, attributes)) === undefined) return;
    const { policy } = bound;
    const binding = metadata?.name ?? "";
    try {
      const kind = policy.spec?.paramKind;
      const all = await this.#params.collect(kind, spec.paramRef, attributes.namespace);
      invocations.push(...all.map((params) => ({ ...bound, binding, params })));
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      const message = `failed to configure binding: ${error.message}`;
      refusals.push({ policy, binding, message, reason: "Forbidden" });
    }
  }

  async #invoke(invocation: Invocation, call: Call): Promise<readonly Refusal[]> {
    const { policy, binding, named, params } = invocation;
    const { attributes, round, again, engine, namespace } = call;
    const failed = (message: string): Refusal => ({ policy, binding, message, reason: "Invalid" });
    const subject = await inVersion(attributes, named, this.#deps.types);
    const { authorizer, clock, metrics } = this.#deps;
    const input: EvaluationInput = { engine, attributes, subject, params, namespace, authorizer, clock };
    const { conditions, variables, mutations } = this.#compile(policy, engine);
    const conditioned = await matchConditions(conditions, new ExpressionRun(input, variables));
    this.#countConditions(conditioned, policy, attributes);
    if (conditioned.error !== "") return [failed(conditioned.error)];
    const key = keyOf(invocation);
    const isWanted = !round.isSecond || again.needs(key);
    if (!conditioned.matches || !isWanted || subject.object === undefined) return [];
    const refusals: Refusal[] = [];
    let { object } = subject;
    for (const { patchType, expression } of mutations) {
      const run = new ExpressionRun(
        { ...input, subject: subjectOf(named, object, subject.oldObject, this.#deps.types) },
        variables,
      );
      const began = clock.monotonic();
      let fault: unknown;
      try {
        const value = await evaluated(expression, run);
        object = mutated({ object, gvk: named.gvk }, patchType, value, {
          ...engine,
          types: this.#deps.types,
        });
      } catch (error) {
        fault = error;
        if (!(error instanceof MutationError || error instanceof BudgetError)) throw error;
        refusals.push(failed(error.message));
      } finally {
        const ms = clock.monotonic() - began;
        metrics.expressions.evaluation.observe(ms / 1000);
        metrics.expressions.mutated({
          policy: policy.metadata?.name ?? "",
          binding,
          error: checkErrorOf(fault, expression),
          ms,
        });
      }
    }
    if (!isSame(subject.object, object)) {
      await this.#write(object, named, attributes);
      again.needAll();
      round.askForSecond();
    }
    if (policy.spec?.reinvocationPolicy === "IfNeeded") again.addWilling(key);
    return refusals;
  }

  #countConditions(
    { matches, error, errors, ms }: ConditionsResult,
    { metadata, spec }: MutatingAdmissionPolicy,
    { operation }: AdmissionAttributes,
  ): void {
    if ((spec?.matchConditions ?? []).length === 0) return;
    const owner = { kind: "policy", name: metadata?.name ?? "", type: "mutate", operation } as const;
    const isExcluded = !matches && error === "";
    this.#deps.metrics.expressions.conditions(owner, { isExcluded, errors, ms });
  }

  async #write(object: AnyObject, { gvk }: Named, attributes: AdmissionAttributes): Promise<void> {
    if (attributes.object === undefined) return;
    const back = isSameKind(gvk, attributes.gvk)
      ? object
      : await converted(this.#deps.types, object, gvk, attributes.gvk);
    replaceContents(attributes.object, back);
  }

  #compile(
    policy: MutatingAdmissionPolicy,
    { cel, compileMutatingPolicy }: Expressions,
  ): CompiledMutatingPolicy {
    const known = this.#compiled.get(policy);
    if (known !== undefined) return known;
    const { clock, metrics } = this.#deps;
    const began = clock.monotonic();
    const compiled = compileMutatingPolicy(cel, policy);
    metrics.expressions.compilation.observe((clock.monotonic() - began) / 1000);
    this.#compiled.set(policy, compiled);
    return compiled;
  }
}

function keyOf({ policy, binding, params }: Invocation): string {
  const { namespace = "", name = "" } = params?.metadata ?? {};
  return [policy.metadata?.name ?? "", binding, namespace, name].join("/");
}

function checkErrorOf(fault: unknown, { program }: Expression): CheckError {
  if (fault === undefined) return "no_error";
  if (program === undefined) return "compile_error";
  return fault instanceof BudgetError ? "out_of_budget" : "invalid_error";
}

/** Throws MutationError. */
async function evaluated(expression: Expression, run: ExpressionRun): Promise<Value> {
  if (expression.program === undefined) throw new MutationError(expression.fault);
  const value = await run.evaluate(expression);
  if (value instanceof run.engine.Fault) throw new MutationError(value.message);
  return value;
}

/** The first one's words; the others are among the causes. */
function refusalError(attributes: AdmissionAttributes, refusals: readonly Refusal[]): StatusError {
  const causes = refusals.map(({ policy, binding, message }) => ({
    message: `policy '${policy.metadata?.name ?? ""}' with binding '${binding}' denied request: ${message}`,
  }));
  const { status } = refuse(attributes, "admission request denied by policy");
  return failure({
    code: 403,
    reason: refusals[0]?.reason ?? "Forbidden",
    message: causes[0]?.message ?? "",
    details: { ...status.details, causes },
  });
}
