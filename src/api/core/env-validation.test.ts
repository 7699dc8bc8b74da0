/** What containers' variables are taken from. upstream: pkg/apis/core/validation/validation_test.go (TestValidateEnv, TestValidateEnvFrom) */
import { testCreates, type CreateCase, type Valid } from "../testing/validation-cases.ts";

const pod = "v1/Pod";
const valid: Valid = {
  [pod]: { spec: { volumes: [{ name: "v", emptyDir: {} }], containers: [{ name: "c", image: "i" }] } },
};
const inPod = (fields: object): object => ({ spec: { containers: [{ name: "c", image: "i", ...fields }] } });
const notDns = "a lowercase RFC 1123 subdomain must consist of…";

const at = "spec.containers[0].env[0].valueFrom";
const from = (valueFrom: object, ...faults: readonly string[]): CreateCase => [
  pod,
  inPod({ env: [{ name: "A", valueFrom }] }),
  ...faults,
];
const field = (fieldPath: string, ...faults: readonly string[]): CreateCase =>
  from({ fieldRef: { fieldPath } }, ...faults);
const amount = (resource: string, divisor: string, ...faults: readonly string[]): CreateCase =>
  from({ resourceFieldRef: { resource, divisor } }, ...faults);
const sizes = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";
const onlySizes = (what: string): string =>
  `only divisor's values ${sizes} are supported with the ${what} resource`;
const file = (fields: object, ...faults: readonly string[]): CreateCase =>
  from({ fileKeyRef: { volumeName: "v", path: "p", key: "k", ...fields } }, ...faults);

testCreates(valid, [
  from({ configMapKeyRef: { key: "k" } }, `${at}.configMapKeyRef.name: Invalid value: "": ${notDns}`),
  from(
    { secretKeyRef: { name: "No!", key: "" } },
    `${at}.secretKeyRef.name: Invalid value: "No!": ${notDns}`,
    `${at}.secretKeyRef.key: Required value`,
  ),
  field("metadata.annotations['a/B']"),
  field("metadata.labels['!']", `${at}.fieldRef: Invalid value: "!": name part must consist of…`),
  field(
    "metadata.name['a']",
    `${at}.fieldRef.fieldPath: Invalid value: "metadata.name['a']": error converting fieldPath: field label does not support subscript: metadata.name['a']`,
  ),
  field(
    "metadata.labels",
    `${at}.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", …`,
  ),
  amount("limits.cpu", "0"),
  amount("limits.cpu", "1000m"),
  amount("requests.memory", "1Mi"),
  amount("limits.hugepages-2Mi", "1k"),
  amount(
    "limits.cpu",
    "2m",
    `${at}.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
  ),
  amount(
    "requests.memory",
    "1m",
    `${at}.resourceFieldRef.divisor: Invalid value: "requests.memory": ${onlySizes("memory")}`,
  ),
  amount(
    "limits.ephemeral-storage",
    "2Mi",
    `${at}.resourceFieldRef.divisor: Invalid value: "limits.ephemeral-storage": ${onlySizes("local ephemeral storage")}`,
  ),
  amount(
    "requests.hugepages-2Mi",
    "10",
    `${at}.resourceFieldRef.divisor: Invalid value: "requests.hugepages-2Mi": ${onlySizes("hugepages")}`,
  ),
  file({}),
  file(
    { key: "", path: "" },
    `${at}.fileKeyRef.key: Required value`,
    `${at}.fileKeyRef.path: Required value`,
  ),
  file(
    { key: "a=b", path: "a/../b" },
    `${at}.fileKeyRef.key: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters…`,
    `${at}.fileKeyRef.path: Invalid value: "a/../b": must not contain '..'`,
  ),
  file(
    { volumeName: "" },
    `${at}.fileKeyRef.volumeName: Required value`,
    `${at}.fileKeyRef.volumeName: Not found: ""`,
  ),
  file(
    { volumeName: "V" },
    `${at}.fileKeyRef.volumeName: Invalid value: "V": a lowercase RFC 1123 label must consist of…`,
    `${at}.fileKeyRef.volumeName: Not found: "V"`,
  ),
  [pod, inPod({ envFrom: [{ configMapRef: { name: "a-" } }] })],
  [
    pod,
    inPod({ envFrom: [{ configMapRef: { name: "A" } }, { secretRef: {} }] }),
    `spec.containers[0].envFrom[0].configMapRef.name: Invalid value: "A": ${notDns}`,
    "spec.containers[0].envFrom[1].secretRef.name: Required value",
  ],
]);
