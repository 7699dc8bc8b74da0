import assert from "node:assert/strict";
import { test } from "node:test";
import { outcomeOf, type Setup } from "./testing/validating-world.ts";

const counted: readonly (readonly [what: string, setup: Setup, labels: string | undefined])[] = [
  [
    "what is refused",
    { spec: { validations: [{ expression: "false" }] } },
    'error_type="no_error",enforcement_action="deny"',
  ],
  [
    "what is only told",
    { spec: { validations: [{ expression: "false" }] }, binding: { validationActions: ["Warn", "Audit"] } },
    'error_type="no_error",enforcement_action="audit"',
  ],
  [
    "what fails",
    { spec: { validations: [{ expression: "object.none == 1" }] } },
    'error_type="invalid_error",enforcement_action="deny"',
  ],
  [
    "what fails and is ignored",
    { spec: { failurePolicy: "Ignore", validations: [{ expression: "object.none == 1" }] } },
    'error_type="invalid_error",enforcement_action="allow"',
  ],
  [
    "what can't be compiled",
    { spec: { validations: [{ expression: "(" }] } },
    'error_type="compile_error",enforcement_action="deny"',
  ],
  ["not what holds", { spec: { validations: [{ expression: "true" }] } }, undefined],
];
for (const [what, setup, labels] of counted) {
  test(`counted by policy: ${what}`, async () => {
    const { metrics } = await outcomeOf(setup);
    const name = "apiserver_validating_admission_policy_check";
    const shown = `policy="p",policy_binding="b",${labels ?? ""}`;
    assert.equal(metrics.includes(`${name}_total{${shown}} 1\n`), labels !== undefined);
    assert.equal(metrics.includes(`${name}_duration_seconds_count{${shown}} 1\n`), labels !== undefined);
    assert.match(metrics, /^apiserver_cel_compilation_duration_seconds_count 1$/m);
    assert.match(metrics, /^apiserver_cel_evaluation_duration_seconds_count 1$/m);
  });
}

test("counted by policy: what match conditions leave out", async () => {
  const matchConditions = [{ name: "never", expression: "false" }];
  const { metrics } = await outcomeOf({ spec: { matchConditions, validations: [{ expression: "false" }] } });
  const owner = 'name="p",kind="policy",type="validate",operation="CREATE"';
  assert.ok(metrics.includes(`apiserver_admission_match_condition_exclusions_total{${owner}} 1\n`));
  assert.ok(metrics.includes(`apiserver_admission_match_condition_evaluation_seconds_count{${owner}} 1\n`));
});
