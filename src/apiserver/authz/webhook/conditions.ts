/** Which requests a webhook is asked about at all. upstream: apiserver/pkg/authorization/cel/matcher.go */
import type { ConfigExpression } from "#api/cel/config/config-expression.ts";
import type { Expressions } from "#api/expressions.ts";
import type { SubjectAccessReviewSpec } from "#api/generated/types/authorization-v1.ts";

type Matches = (spec: SubjectAccessReviewSpec) => boolean | string;

/** One condition that says no is enough, before any that can't be told. */
export const matcherOf =
  (conditions: readonly ConfigExpression[], { Fault }: Pick<Expressions, "Fault">): Matches =>
  (spec) => {
    const request = requestOf(spec);
    const faults: string[] = [];
    for (const condition of conditions) {
      const value = condition.evaluate(request);
      if (value === false) return false;
      if (value instanceof Fault) {
        faults.push(
          `cel evaluation error: expression '${condition.text}' resulted in error: ${value.message}`,
        );
      }
    }
    if (faults.length === 0) return true;
    return faults.length === 1 ? (faults[0] ?? "") : `[${faults.join(", ")}]`;
  };

/** Texts and lists are there even when they are empty. */
function requestOf({ resourceAttributes, nonResourceAttributes, ...who }: SubjectAccessReviewSpec): unknown {
  const texts = { namespace: "", verb: "", group: "", version: "", resource: "", subresource: "", name: "" };
  return {
    user: who.user ?? "",
    groups: who.groups ?? [],
    uid: who.uid ?? "",
    extra: who.extra ?? {},
    ...(resourceAttributes === undefined ? {} : { resourceAttributes: { ...texts, ...resourceAttributes } }),
    ...(nonResourceAttributes === undefined
      ? {}
      : { nonResourceAttributes: { path: "", verb: "", ...nonResourceAttributes } }),
  };
}
