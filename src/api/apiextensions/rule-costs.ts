/** What the rules of one definition may cost together. upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/cel_validation.go */
import { costFault, costMax, staticLimits } from "../cel/cost/budget.ts";
import { forbidden, type FieldError } from "../meta/field-error.ts";

export interface RuleCost {
  readonly path: string;
  readonly cost: number;
}

const dearestShown = 4;

export class RuleCosts {
  readonly #costs: RuleCost[] = [];

  add(path: string, cost: number): void {
    this.#costs.push({ path, cost });
  }

  get total(): number {
    return this.#costs.reduce((total, { cost }) => Math.min(costMax, total + cost), 0);
  }

  /** Of those that take a hundredth or more of all there is. */
  get dearest(): readonly RuleCost[] {
    const dear = this.#costs.filter(({ cost }) => cost >= staticLimits.schema / 100);
    return dear.toSorted((a, b) => b.cost - a.cost).slice(0, dearestShown);
  }

  faults(path: string): readonly FieldError[] {
    const name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
    const fault = costFault(name, this.total, staticLimits.schema);
    if (fault === undefined) return [];
    const why = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
    return [...this.dearest.map((each) => forbidden(each.path, why)), forbidden(path, fault)];
  }
}
