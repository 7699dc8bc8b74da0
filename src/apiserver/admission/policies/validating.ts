/** ValidatingAdmissionPolicy: policies with bindings refuse, warn and note. upstream: apiserver/pkg/admission/plugin/policy/validating/dispatcher.go */
import type { Expressions } from "#api/expressions.ts";
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "#api/generated/types/admissionregistration-v1.ts";
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { failure, type StatusError } from "#api/meta/status.ts";
import {
  namespaces,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from "#api/resources.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { AdmissionMetrics } from "#apiserver/metrics/admission-metrics.ts";
import type { Clock } from "#base/clock.ts";
import type { Lister } from "#client/cache/informer.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { Readiness } from "../readiness.ts";
import { refuse } from "../refuse.ts";
import type { ObjectTypes } from "../webhooks/object-types.ts";
import { inVersion, type Subject } from "../webhooks/version.ts";
import { judge, type Denial, type Verdict } from "./decision.ts";
import { isPolicy, PolicyMatcher } from "./matching.ts";
import { ConfigurationError, ParamReader } from "./params.ts";
import type { CompiledPolicy } from "#api/cel/policy/policy.ts";

export interface PolicyDeps extends LookupDeps {
  readonly authorizer: Authorizer;
  readonly types: ObjectTypes;
  readonly clock: Clock;
  readonly metrics: AdmissionMetrics;
  /** Loaded when there is the first expression: most clusters have none. */
  readonly loadExpressions: () => Promise<Expressions>;
}

interface Judged {
  readonly attributes: AdmissionAttributes;
  /** In the version that the policy is about. */
  readonly subject: Subject;
  readonly notes: Map<string, Set<string>>;
}

interface Refusal extends Pick<Denial, "message" | "reason"> {
  readonly policy: string;
  /** Undefined: the policy itself is set up wrongly. */
  readonly binding: string | undefined;
}

const auditBytesMax = 10 * 1024;
const failureKey = "validation.policy.admission.k8s.io/validation_failure";

export class ValidatingPolicies implements AdmissionPlugin {
  readonly name = "ValidatingAdmissionPolicy";
  readonly #deps: PolicyDeps;
  readonly #policies: Lister<ValidatingAdmissionPolicy>;
  readonly #bindings: Lister<ValidatingAdmissionPolicyBinding>;
  readonly #readiness: Readiness;
  readonly #matcher: PolicyMatcher;
  readonly #params: ParamReader;
  /** By the shared object of the cache: another revision is another object. */
  readonly #compiled = new WeakMap<ValidatingAdmissionPolicy, CompiledPolicy>();

  constructor(deps: PolicyDeps) {
    this.#deps = deps;
    const policies = deps.informers.informer(validatingAdmissionPolicies);
    const bindings = deps.informers.informer(validatingAdmissionPolicyBindings);
    this.#policies = policies.lister;
    this.#bindings = bindings.lister;
    this.#readiness = new Readiness([policies, bindings], deps.clock);
    this.#matcher = new PolicyMatcher(new Lookup<Namespace>(namespaces, deps), deps.types);
    this.#params = new ParamReader(deps.client, deps.types);
  }

  handles(): boolean {
    return true;
  }

  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    const isFree = this.#policies.size === 0 && this.#readiness.isReady;
    return isFree || isPolicy(attributes) ? undefined : this.#judge(attributes);
  }

  async #judge(attributes: AdmissionAttributes): Promise<void> {
    await this.#readiness.reached(attributes);
    const refusals: Refusal[] = [];
    for (const policy of this.#policies.list()) {
      const bindings = this.#bindings.list().filter(({ spec }) => spec?.policyName === policy.metadata?.name);
      if (bindings.length > 0) refusals.push(...(await this.#apply(policy, bindings, attributes)));
    }
    const [first] = refusals;
    if (first !== undefined) throw refusalError(attributes, first);
  }

  async #apply(
    policy: ValidatingAdmissionPolicy,
    bindings: readonly ValidatingAdmissionPolicyBinding[],
    attributes: AdmissionAttributes,
  ): Promise<Refusal[]> {
    const named = await this.#matcher.match(policy.spec?.matchConstraints ?? {}, attributes);
    if (named === undefined) return [];
    let subject: Subject | undefined;
    const name = policy.metadata?.name ?? "";
    const refusals: Refusal[] = [];
    const notes = new Map<string, Set<string>>();
    for (const binding of bindings) {
      const bound = await this.#matcher.match(binding.spec?.matchResources ?? {}, attributes);
      if (bound === undefined) continue;
      subject ??= await inVersion(attributes, named, this.#deps.types);
      const denials = await this.#bound(policy, binding, { attributes, notes, subject });
      refusals.push(
        ...denials.map((denial) => ({ ...denial, policy: name, binding: binding.metadata?.name ?? "" })),
      );
    }
    for (const [key, values] of notes) attributes.annotate(`${name}/${key}`, [...values].join(", "));
    return refusals;
  }

  async #bound(
    policy: ValidatingAdmissionPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    { attributes, notes, subject }: Judged,
  ): Promise<readonly Pick<Denial, "message" | "reason">[]> {
    const { metrics, clock } = this.#deps;
    try {
      const params = await this.#params.collect(
        policy.spec?.paramKind,
        binding.spec?.paramRef,
        attributes.namespace,
      );
      const engine = await this.#deps.loadExpressions();
      const compiled = this.#compile(policy, engine);
      const namespace = await this.#matcher.namespaceOf(attributes);
      const denials: Denial[] = [];
      for (const each of params) {
        const input = {
          engine,
          attributes,
          subject,
          params: each,
          namespace,
          authorizer: this.#deps.authorizer,
          clock,
        };
        const began = clock.monotonic();
        const verdict = await judge(compiled, input);
        metrics.expressions.evaluation.observe((clock.monotonic() - began) / 1000);
        this.#count(verdict, policy, binding, attributes);
        denials.push(...act(binding, verdict, attributes), ...verdict.auditDenials);
        for (const { key, value } of verdict.audit) noteOf(notes, key).add(value.slice(0, auditBytesMax));
      }
      return denials;
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      if (policy.spec?.failurePolicy === "Ignore") return [];
      return [{ message: `failed to configure binding: ${error.message}`, reason: undefined }];
    }
  }

  #count(
    { denials, ignored, conditions }: Verdict,
    policy: ValidatingAdmissionPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    { operation }: AdmissionAttributes,
  ): void {
    const { expressions } = this.#deps.metrics;
    const names = { policy: policy.metadata?.name ?? "", binding: binding.metadata?.name ?? "" };
    for (const denial of ignored) expressions.validated({ ...names, ...denial }, "allow");
    const actions = binding.spec?.validationActions ?? [];
    for (const denial of denials) {
      for (const action of actions) expressions.validated({ ...names, ...denial }, action.toLowerCase());
    }
    if (conditions === undefined || (policy.spec?.matchConditions ?? []).length === 0) return;
    const { matches, error, errors, ms } = conditions;
    const owner = { kind: "policy", name: names.policy, type: "validate", operation } as const;
    expressions.conditions(owner, { isExcluded: !matches && error === "", errors, ms });
  }

  #compile(policy: ValidatingAdmissionPolicy, { cel, compilePolicy }: Expressions): CompiledPolicy {
    const known = this.#compiled.get(policy);
    if (known !== undefined) return known;
    const { clock, metrics } = this.#deps;
    const began = clock.monotonic();
    const compiled = compilePolicy(cel, policy);
    metrics.expressions.compilation.observe((clock.monotonic() - began) / 1000);
    this.#compiled.set(policy, compiled);
    return compiled;
  }
}

function noteOf(notes: Map<string, Set<string>>, key: string): Set<string> {
  const known = notes.get(key) ?? new Set<string>();
  notes.set(key, known);
  return known;
}

/** Does what the binding wants done of denials; returns those that refuse. */
function act(
  binding: ValidatingAdmissionPolicyBinding,
  { denials }: Verdict,
  attributes: AdmissionAttributes,
): readonly Denial[] {
  const actions = binding.spec?.validationActions ?? [];
  const policy = binding.spec?.policyName ?? "";
  const name = binding.metadata?.name ?? "";
  for (const { message, index } of denials) {
    if (actions.includes("Warn")) {
      attributes.warn(
        `Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${name}': ${message}`,
      );
    }
    if (actions.includes("Audit")) {
      const entry = { message, policy, binding: name, expressionIndex: index, validationActions: actions };
      attributes.annotate(failureKey, JSON.stringify([entry]));
    }
  }
  return actions.includes("Deny") ? denials : [];
}

const codes = new Map([
  ["Unauthorized", 401],
  ["Forbidden", 403],
  ["RequestEntityTooLarge", 413],
  ["Invalid", 422],
]);

function refusalError(
  attributes: AdmissionAttributes,
  { policy, binding, message, reason }: Refusal,
): StatusError {
  const bound = binding === undefined ? "" : ` with binding '${binding}'`;
  const text = `ValidatingAdmissionPolicy '${policy}'${bound} denied request: ${message}`;
  const { status } = refuse(attributes, text);
  const code = codes.get(reason ?? "Invalid") ?? 422;
  return failure({
    code,
    reason: reason ?? "Invalid",
    message: status.message ?? text,
    details: { ...status.details, causes: [{ message: text }] },
  });
}
