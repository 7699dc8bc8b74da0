/** allOf, anyOf, oneOf and not. upstream: kube-openapi/pkg/validation/validate/schema_props.go */
import { faultOf, Outcome } from "./outcome.ts";
import type { Structural } from "./structural.ts";
import type { Compile, PartCheck, ValueCheck } from "./validate.ts";

export function compileLogic(schema: Structural, compile: Compile): PartCheck<unknown> | undefined {
  const all = (schema.allOf ?? []).map(compile);
  const any = (schema.anyOf ?? []).map(compile);
  const one = (schema.oneOf ?? []).map(compile);
  const not = schema.not === undefined ? undefined : compile(schema.not);
  if (all.length + any.length + one.length === 0 && not === undefined) return undefined;
  return (value, path, outcome) => {
    const name = JSON.stringify(path);
    if (any.length > 0) checkAny(run(any, value, path), name, outcome);
    if (one.length > 0) checkOne(run(one, value, path), name, outcome);
    if (all.length > 0) checkAll(run(all, value, path), name, outcome);
    if (not?.(value, path, undefined).isValid === true) {
      outcome.add(faultOf.whole(`${name} must not validate the schema (not)`));
    }
    outcome.checks += 1;
  };
}

const run = (checks: readonly ValueCheck[], value: unknown, path: string): Outcome[] =>
  checks.map((check) => check(value, path, undefined));

/** The failed alternative that went furthest. */
const best = (outcomes: readonly Outcome[]): Outcome | undefined =>
  outcomes
    .filter(({ isValid }) => !isValid)
    .reduce<Outcome | undefined>(
      (found, each) => (found === undefined || each.checks > found.checks ? each : found),
      undefined,
    );

function checkAny(outcomes: readonly Outcome[], name: string, outcome: Outcome): void {
  const valid = outcomes.find(({ isValid }) => isValid);
  if (valid !== undefined) {
    outcome.merge(valid);
    return;
  }
  outcome.add(faultOf.whole(`${name} must validate at least one schema (anyOf)`));
  outcome.merge(best(outcomes) ?? new Outcome());
}

function checkOne(outcomes: readonly Outcome[], name: string, outcome: Outcome): void {
  const valid = outcomes.filter(({ isValid }) => isValid);
  if (valid.length === 1) {
    outcome.merge(valid[0] ?? new Outcome());
    return;
  }
  const found = valid.length === 0 ? "Found none valid" : `Found ${valid.length} valid alternatives`;
  outcome.add(faultOf.whole(`${name} must validate one and only one schema (oneOf). ${found}`));
  if (valid.length === 0) outcome.merge(best(outcomes) ?? new Outcome());
}

function checkAll(outcomes: readonly Outcome[], name: string, outcome: Outcome): void {
  const valid = outcomes.filter(({ isValid }) => isValid).length;
  for (const each of outcomes) outcome.merge(each);
  if (valid === outcomes.length) return;
  const none = valid === 0 ? ". None validated" : "";
  outcome.add(faultOf.whole(`${name} must validate all the schemas (allOf)${none}`));
}
