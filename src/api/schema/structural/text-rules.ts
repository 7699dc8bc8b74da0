/** Length and pattern of strings. The first fault is enough. upstream: kube-openapi/pkg/validation/validate/validator.go */
import { faultOf } from "./outcome.ts";
import type { Structural } from "./structural.ts";
import type { CompilePattern, PartCheck } from "./validate.ts";

export function compileText(
  schema: Structural,
  compilePattern: CompilePattern,
): PartCheck<string> | undefined {
  const { maxLength, minLength, pattern = "" } = schema;
  if (maxLength === undefined && minLength === undefined && pattern === "") return undefined;
  const matches = pattern === "" ? undefined : compilePattern(pattern);
  return (text, path, outcome) => {
    outcome.checks += 1;
    const length = maxLength === undefined && minLength === undefined ? 0 : lengthOf(text);
    if (maxLength !== undefined && length > maxLength) outcome.add(faultOf.tooLong(path, maxLength));
    else if (minLength !== undefined && length < minLength) {
      outcome.add(faultOf.rule(path, text, `should be at least ${minLength} chars long`));
    } else if (matches !== undefined && !matches(text)) {
      outcome.add(faultOf.rule(path, text, `should match '${pattern}'`));
    }
  };
}

/** In code points. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}
