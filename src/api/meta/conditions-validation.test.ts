/** Conditions wherever they stand. upstream: apimachinery/pkg/apis/meta/v1/validation/validation_test.go TestValidateConditions */
import { testStatusUpdates, type UpdateCase, type Valid } from "../testing/validation-cases.ts";

const budget = "policy/v1/PodDisruptionBudget";
const policy = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy";
const valid: Valid = {
  [budget]: { spec: { minAvailable: 1 } },
  [policy]: {},
};
const good = {
  type: "Ready",
  status: "True",
  reason: "Fine",
  message: "",
  lastTransitionTime: "2026-01-01T00:00:00Z",
};
const at = "status.conditions[0]";
const cases = (key: string): readonly UpdateCase[] => {
  const faulty = (fields: object, ...faults: string[]): UpdateCase => [
    key,
    {},
    { status: { conditions: [{ ...good, ...fields }] } },
    ...faults,
  ];
  return [
    faulty({}),
    faulty({ message: "é".repeat(16_384) }),
    faulty({ message: "é".repeat(16_385) }, `${at}.message: Too long: may not be more than 32768 bytes`),
    faulty({ type: "a.b/C-d", reason: "A1_b,c:d", observedGeneration: 3 }),
    faulty(
      { type: "", status: "Fact", observedGeneration: -1, lastTransitionTime: undefined, reason: "" },
      `${at}.type: Invalid value: "": name part must be non-empty`,
      `${at}.type: Invalid value: "": name part must consist of…`,
      `${at}.status: Unsupported value: "Fact": supported values: "False", "True", "Unknown"`,
      `${at}.observedGeneration: Invalid value: -1: must be greater than or equal to zero`,
      `${at}.lastTransitionTime: Required value: must be set`,
      `${at}.reason: Required value: must be set`,
    ),
    faulty(
      { reason: "no words" },
      `${at}.reason: Invalid value: "no words": a condition reason must start with…`,
    ),
    faulty({ reason: "r".repeat(1025) }, `${at}.reason: Too long: may not be more than 1024 bytes`),
    faulty({ message: "m".repeat(32_769) }, `${at}.message: Too long: may not be more than 32768 bytes`),
    [
      key,
      {},
      { status: { conditions: [good, good] } },
      'status.conditions[1].type: Duplicate value: "Ready"',
    ],
  ];
};

for (const key of Object.keys(valid)) testStatusUpdates(valid, cases(key));
testStatusUpdates(valid, [
  [
    policy,
    {},
    { status: { typeChecking: { expressionWarnings: [{ fieldRef: " ", warning: "" }] } } },
    "status.typeChecking.expressionWarnings[0].warning: Required value",
    "status.typeChecking.expressionWarnings[0].fieldRef: Required value",
  ],
]);
