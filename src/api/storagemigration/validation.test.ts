/** upstream: pkg/apis/storagemigration/validation/validation_test.go */
import { testCreates, testStatusUpdates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const key = "storagemigration.k8s.io/v1beta1/StorageVersionMigration";
const valid: Valid = { [key]: { spec: { resource: { group: "example.com", resource: "widgets" } } } };
const at = "spec.resource";

testCreates(valid, [
  [key, { spec: { resource: { group: "" } } }],
  [
    key,
    { spec: { resource: { group: "", resource: "" } } },
    `${at}.resource: Required value: resource is required to be set`,
  ],
  [
    key,
    { spec: { resource: { resource: "Widgets.v1" } } },
    `${at}.resource: Invalid value: "Widgets.v1": a DNS-1035 label must consist of…`,
  ],
  [
    key,
    { spec: { resource: { group: "-" } } },
    `${at}.group: Invalid value: "-": a lowercase RFC 1123 subdomain must consist of…`,
  ],
]);

testUpdates(valid, [
  [key, {}, { metadata: { labels: { a: "b" } } }],
  [
    key,
    {},
    { spec: { resource: { group: "example.org" } } },
    'spec: Invalid value: {"Resource":{"group":"example.org","resource":"widgets"}}: field is immutable',
  ],
  [key, {}, { spec: { resource: { resource: "gadgets" } } }, "spec: Invalid value: {…"],
]);

const condition = (type: string, status = "True"): object => ({
  type,
  status,
  reason: "Said",
  message: "",
  lastTransitionTime: "2026-01-01T00:00:00Z",
});
const of = (resourceVersion: string, ...conditions: object[]): object => ({
  status: { resourceVersion, conditions },
});
const [running, succeeded, failed] = [condition("Running"), condition("Succeeded"), condition("Failed")];
const rest = condition("Running", "False");
const conditionsAre = "status.conditions: Invalid value: [{…";

testStatusUpdates(valid, [
  [key, {}, of("", condition("TestCondition"))],
  [key, {}, of("123", running)],
  [key, of("123", running), of("123", rest, succeeded)],
  [key, of("123", running), of("123", rest, failed)],
  [
    key,
    of("123", running),
    of("456", running),
    'status.resourceVersion: Invalid value: "456": field is immutable',
  ],
  [key, of("123"), of(""), 'status.resourceVersion: Invalid value: "": field is immutable'],
  [
    key,
    {},
    of("0123"),
    'status.resourceVersion: Invalid value: "0123": resource version is not well formed: 0123',
  ],
  [key, {}, of("", running, running), 'status.conditions[1].type: Duplicate value: "Running"'],
  [key, {}, of("", succeeded, failed), conditionsAre],
  [key, {}, of("", succeeded, running), conditionsAre],
  [key, {}, of("", failed, running), conditionsAre],
  [key, of("1", succeeded), of("1", condition("Succeeded", "False")), conditionsAre],
  [key, of("1", failed), of("1", condition("Failed", "False")), conditionsAre],
]);
