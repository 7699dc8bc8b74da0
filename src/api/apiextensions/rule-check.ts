/**
 * Rules of a definition: whether they compile, what they may cost, and whether they may look at what was before.
 * upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/{validation,cel_validation}.go
 */
import { costFault, costMax, staticLimits } from "../cel/cost/budget.ts";
import type { Cel } from "../cel/environment.ts";
import type { KnownBytes } from "../cel/schema/decl-type.ts";
import { compileRules, type CompiledRule } from "../cel/schema/rules.ts";
import type { ValidationRule } from "../generated/types/apiextensions-v1.ts";
import { forbidden, invalid, type FieldError } from "../meta/field-error.ts";
import type { Structural } from "../schema/structural/structural.ts";
import { RuleCosts } from "./rule-costs.ts";

export interface RulePlace {
  readonly path: string;
  readonly isRoot: boolean;
  /** From where on items can't be told from one another. */
  readonly oldSelfBan: string | undefined;
  /** How many values there can be at most; undefined: as many as a request holds. */
  readonly cardinality: number | undefined;
}

/** Of one schema: its dearest expressions count together. */
export interface RuleChecker {
  check(schema: Structural, place: RulePlace): readonly FieldError[];
  /** Once all is checked. */
  total(path: string): readonly FieldError[];
}

const requestBytesMax = 3 * 1024 * 1024;

export class CelRuleChecker implements RuleChecker {
  readonly #cel: Cel;
  readonly #isUnchanged: boolean;
  readonly #costs = new RuleCosts();
  readonly #known: KnownBytes = new WeakMap();

  /** What single rules may cost isn't asked where it was asked before; what they cost together is. */
  constructor(cel: Cel, isUnchanged: boolean) {
    this.#cel = cel;
    this.#isUnchanged = isUnchanged;
  }

  check(schema: Structural, place: RulePlace): readonly FieldError[] {
    const isResource = place.isRoot || schema["x-kubernetes-embedded-resource"] === true;
    const compiled = compileRules(this.#cel, schema, isResource, this.#known);
    const bytesMin = compiled?.bytesMin ?? 0;
    const times = place.cardinality ?? Math.floor(requestBytesMax / (bytesMin + 1));
    return (compiled?.rules ?? []).flatMap((rule, index) =>
      this.#rule(rule, { ...place, path: `${place.path}.x-kubernetes-validations[${index}]` }, times),
    );
  }

  total(path: string): readonly FieldError[] {
    return this.#costs.faults(path);
  }

  #rule(compiled: CompiledRule, { path, oldSelfBan }: RulePlace, times: number): FieldError[] {
    const { rule, condition, message } = compiled;
    const faults: FieldError[] = [];
    const cost = Math.min(costMax, (condition?.costMax ?? 0) * times);
    this.#costs.add(`${path}.rule`, cost);
    const dear = costFault("estimated rule cost", cost, staticLimits.rule);
    if (dear !== undefined && !this.#isUnchanged) faults.push(forbidden(`${path}.rule`, dear));
    if (compiled.fault !== undefined) faults.push(invalid(`${path}.rule`, shown(rule), compiled.fault));
    if (compiled.messageFault !== undefined) {
      faults.push(invalid(`${path}.messageExpression`, shown(rule), compiled.messageFault));
    } else if (message !== undefined) {
      this.#costs.add(`${path}.messageExpression`, message.costMax);
      const wordy = costFault("estimated messageExpression cost", message.costMax, staticLimits.rule);
      if (wordy !== undefined && !this.#isUnchanged) {
        faults.push(forbidden(`${path}.messageExpression`, wordy));
      }
    }
    const usesOld = condition?.program.names("oldSelf") === true;
    if (usesOld && oldSelfBan !== undefined) {
      const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${oldSelfBan}`;
      faults.push(invalid(`${path}.rule`, rule.rule, why));
    } else if (!usesOld && rule.optionalOldSelf !== undefined) {
      const why = "may not be set if oldSelf is not used in rule";
      faults.push(invalid(`${path}.optionalOldSelf`, rule.optionalOldSelf, why));
    }
    return faults;
  }
}

/** As upstream's own type is printed. */
const shown = (rule: ValidationRule): object => ({
  Rule: rule.rule,
  Message: rule.message ?? "",
  MessageExpression: rule.messageExpression ?? "",
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? "",
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});
