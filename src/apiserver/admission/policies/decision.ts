/** What a policy says of one request: expressions in, decisions out. upstream: apiserver/pkg/admission/plugin/policy/validating/validator.go */
import type { Value } from "#api/cel/values.ts";
import type { Validation } from "#api/generated/types/admissionregistration-v1.ts";
import type { CheckError } from "#apiserver/metrics/expression-metrics.ts";
import {
  BudgetError,
  ExpressionRun,
  matchConditions,
  type ConditionsResult,
  type EvaluationInput,
} from "./expressions.ts";
import type { CompiledPolicy, CompiledValidation } from "#api/cel/policy/policy.ts";

export interface Denial {
  readonly message: string;
  /** Undefined: not by a validation, but by an error. */
  readonly reason: string | undefined;
  /** Which validation. */
  readonly index: number;
  readonly error: CheckError;
  readonly ms: number;
}

export interface AuditText {
  readonly key: string;
  readonly value: string;
}

export interface Verdict {
  readonly denials: readonly Denial[];
  readonly audit: readonly AuditText[];
  /** Errors that deny nothing, as the policy wants them ignored. */
  readonly ignored: readonly Denial[];
  readonly conditions: ConditionsResult | undefined;
  /** Failures of audit annotations deny whatever the binding's actions are. */
  readonly auditDenials: readonly Denial[];
}

const nothing: Verdict = { denials: [], ignored: [], conditions: undefined, audit: [], auditDenials: [] };

/** Longer messages of a messageExpression are not used. */
const messageBytesMax = 5 * 1024;

export async function judge(policy: CompiledPolicy, input: EvaluationInput): Promise<Verdict> {
  const { clock, engine } = input;
  let began = clock.monotonic();
  const ignored: Denial[] = [];
  const failed = (message: string, index = 0, error: CheckError = "invalid_error"): Denial[] => {
    const denial = { message, reason: undefined, index, error, ms: clock.monotonic() - began };
    if (policy.failurePolicy !== "Ignore") return [denial];
    ignored.push(denial);
    return [];
  };
  const run = new ExpressionRun(input, policy.variables);
  let conditions: ConditionsResult | undefined;
  try {
    conditions = await matchConditions(policy.conditions, run);
    if (conditions.error !== "") {
      return { ...nothing, conditions, ignored, denials: failed(conditions.error) };
    }
    if (!conditions.matches) return { ...nothing, conditions };
    const denials: Denial[] = [];
    for (const [index, validation] of policy.validations.entries()) {
      began = clock.monotonic();
      const value = await run.evaluate(validation.condition);
      if (value instanceof engine.Fault) {
        const kind = validation.condition.program === undefined ? "compile_error" : "invalid_error";
        denials.push(...failed(value.message, index, kind));
      } else if (value !== true) {
        const message = await messageOf(validation, run);
        const reason = validation.source.reason ?? "Invalid";
        denials.push({ message, reason, index, error: "no_error", ms: clock.monotonic() - began });
      }
    }
    const audited = await auditOf(policy, new ExpressionRun(input, policy.variables), failed);
    return { denials, ignored, conditions, ...audited };
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error;
    return { ...nothing, conditions, ignored, denials: failed(error.message, 0, "out_of_budget") };
  }
}

async function messageOf({ source, message }: CompiledValidation, run: ExpressionRun): Promise<string> {
  const made = message === undefined ? "" : usable(await run.evaluate(message));
  if (made !== "") return made;
  const fixed = (source.message ?? "").trim();
  return fixed === "" ? defaultMessage(source) : fixed;
}

const defaultMessage = ({ expression }: Validation): string => `failed expression: ${expression.trim()}`;

function usable(value: Value): string {
  if (typeof value !== "string") return "";
  const text = value.trim();
  return text.includes("\n") || Buffer.byteLength(text) > messageBytesMax ? "" : text;
}

async function auditOf(
  policy: CompiledPolicy,
  run: ExpressionRun,
  failed: (message: string) => Denial[],
): Promise<Pick<Verdict, "audit" | "auditDenials">> {
  const { Fault, typeNameOf } = run.engine;
  const audit: AuditText[] = [];
  const auditDenials: Denial[] = [];
  for (const { key, expression } of policy.audit) {
    const value = await run.evaluate(expression);
    if (typeof value === "string") {
      if (value.trim() !== "") audit.push({ key, value: value.trim() });
    } else if (value instanceof Fault) auditDenials.push(...failed(value.message));
    else if (value !== null) {
      auditDenials.push(
        ...failed(
          `valueExpression '${expression.text}' resulted in unsupported return type: ${typeNameOf(value)}. Return type must be either string or null.`,
        ),
      );
    }
  }
  return { audit, auditDenials };
}
