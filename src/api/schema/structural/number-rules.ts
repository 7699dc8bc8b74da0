/** Bounds of numbers. upstream: kube-openapi/pkg/validation/validate/{validator,values}.go */
import { boundText } from "./go-number.ts";
import { faultOf } from "./outcome.ts";
import type { Structural } from "./structural.ts";
import type { PartCheck } from "./validate.ts";

export function compileNumber(schema: Structural): PartCheck<number> | undefined {
  const { multipleOf, maximum, minimum } = schema;
  if (multipleOf === undefined && maximum === undefined && minimum === undefined) return undefined;
  return (value, path, outcome) => {
    outcome.checks += 1;
    if (multipleOf !== undefined) {
      checkMultiple(value, multipleOf, (what) => outcome.add(faultOf.rule(path, value, what)));
    }
    if (maximum !== undefined && isAbove(value, maximum, schema.exclusiveMaximum)) {
      const word = schema.exclusiveMaximum === true ? "less than" : "less than or equal to";
      outcome.add(faultOf.rule(path, value, `should be ${word} ${boundText(maximum, value)}`));
    }
    if (minimum !== undefined && isAbove(-value, -minimum, schema.exclusiveMinimum)) {
      const word = schema.exclusiveMinimum === true ? "greater than" : "greater than or equal to";
      outcome.add(faultOf.rule(path, value, `should be ${word} ${boundText(minimum, value)}`));
    }
  };
}

const isAbove = (value: number, bound: number, isExclusive: boolean | undefined): boolean =>
  isExclusive === true ? value >= bound : value > bound;

function checkMultiple(value: number, factor: number, refuse: (what: string) => void): void {
  if (factor <= 0) return;
  const quotient = value / factor;
  if (!Number.isInteger(quotient)) refuse(`should be a multiple of ${boundText(factor, value)}`);
}
