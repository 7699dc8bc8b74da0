/**
 * Everything that reads what users wrote in CEL or as a pattern, as one piece. It takes long to load and most servers
 * have neither, so it is loaded when the first is met: others know only the type.
 */
import { CelRuleChecker } from "./apiextensions/rule-check.ts";
import { compileObjectRules } from "./apiextensions/rule-evaluation.ts";
import { CostLimitError, perCallLimit } from "./cel/cost/budget.ts";
import { deviceSelectorFault } from "./cel/device-selector.ts";
import { compileConfigExpression } from "./cel/config/config-expression.ts";
import { Cel } from "./cel/environment.ts";
import { AuthorizerValue, PendingAnswer } from "./cel/library/authorizer.ts";
import { ExpressionCompiler } from "./cel/policy/compiler.ts";
import { ComposedValues } from "./cel/policy/composed-values.ts";
import { compileMutatingPolicy, mutatingPolicyFaults } from "./cel/policy/mutating-policy.ts";
import { appliedObject, patchOperations, PatchValueError } from "./cel/policy/patch-types.ts";
import { compilePolicy, expressionFaults } from "./cel/policy/policy.ts";
import { expressionWarnings } from "./cel/policy/warnings.ts";
import { dynamicValue } from "./cel/schema/values.ts";
import { Fault, typeNameOf } from "./cel/values.ts";
import { compilePattern, compileRe2, patternFault } from "./schema/structural/pattern.ts";

export type Expressions = ReturnType<typeof createExpressions>;

export const createExpressions = () => ({
  cel: new Cel({ compile: compileRe2 }),
  // Values and what goes wrong with them.
  Fault,
  CostLimitError,
  AuthorizerValue,
  PendingAnswer,
  ComposedValues,
  perCallLimit,
  dynamicValue,
  typeNameOf,
  // Policies.
  ExpressionCompiler,
  compilePolicy,
  expressionFaults,
  expressionWarnings,
  compileMutatingPolicy,
  mutatingPolicyFaults,
  appliedObject,
  patchOperations,
  PatchValueError,
  // Custom resources.
  CelRuleChecker,
  compileObjectRules,
  compilePattern,
  patternFault,
  // Devices.
  deviceSelectorFault,
  // The server's own configuration.
  compileConfigExpression,
});
