import { testCreates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const labels = { app: "x" };
const container = { name: "c", image: "i" };
const jobTemplate = {
  metadata: { labels },
  spec: { containers: [container], restartPolicy: "Never" },
};
const valid: Valid = {
  "v1/Service": { spec: { selector: labels, ports: [{ port: 80 }] } },
  "v1/Namespace": {},
  "v1/ConfigMap": { data: { "a.b": "c" } },
  "batch/v1/CronJob": {
    spec: { schedule: "*/5 1-3 * jan mon,fri", jobTemplate: { spec: { template: jobTemplate } } },
  },
  "rbac.authorization.k8s.io/v1/Role": { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] },
};

testCreates(valid, [
  [
    "v1/ConfigMap",
    { metadata: { name: undefined } },
    "metadata.name: Required value: name or generateName is required",
  ],
  [
    "v1/ConfigMap",
    { metadata: { name: undefined, generateName: "a-" } },
    "metadata.name: Required value: name or generateName is required",
  ],
  ["v1/ConfigMap", { metadata: { namespace: undefined } }, "metadata.namespace: Required value"],
  [
    "v1/Namespace",
    { metadata: { namespace: "n" } },
    "metadata.namespace: Forbidden: not allowed on this type",
  ],
  [
    "v1/Namespace",
    { metadata: { name: "a.b" } },
    'metadata.name: Invalid value: "a.b": must not contain dots',
  ],
  [
    "v1/ConfigMap",
    { metadata: { name: "A" } },
    `metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
  ],
  [
    "v1/Service",
    { metadata: { name: "1a" } },
    `metadata.name: Invalid value: "1a": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
  ],
  [
    "v1/ConfigMap",
    { metadata: { labels: { "a b": "" } } },
    'metadata.labels: Invalid value: "a b": name part must consist of…',
  ],
  [
    "v1/ConfigMap",
    { metadata: { labels: { a: "b c" } } },
    'metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of…',
  ],
  [
    "v1/ConfigMap",
    { metadata: { annotations: { a: "x".repeat(262_145) } } },
    "metadata.annotations: Too long: may not be more than 262144 bytes",
  ],
  [
    "v1/ConfigMap",
    { metadata: { finalizers: ["mine"] } },
    'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ],
  [
    "v1/ConfigMap",
    { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p" }] } },
    'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
  ],
  [
    "v1/ConfigMap",
    {
      metadata: {
        ownerReferences: ["a", "b"].map((name) => ({
          apiVersion: "v1",
          kind: "Pod",
          name,
          uid: "u",
          controller: true,
        })),
      },
    },
    "metadata.ownerReferences: Invalid value: […",
  ],
  [
    "rbac.authorization.k8s.io/v1/Role",
    { metadata: { name: "a/b" } },
    `metadata.name: Invalid value: "a/b": may not contain '/'`,
  ],
  [
    "batch/v1/CronJob",
    { metadata: { name: "a".repeat(53) } },
    `metadata.name: Invalid value: "${"a".repeat(53)}": must be no more than 52 characters`,
  ],
]);
const badFinalizer = 'metadata.finalizers: Invalid value: "a/b c": name part must consist of…';
const bothFinalizers =
  'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set';
const otherName = 'metadata.name: Invalid value: "y": field is immutable';
const otherUid = 'metadata.uid: Invalid value: "v": field is immutable';
const newFinalizers =
  'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a/b"}';
const asNew = [
  "metadata.generation: Invalid value: -1: must be greater than or equal to 0",
  'metadata.labels: Invalid value: "?": a valid label must be an empty string or consist of…',
  'metadata.finalizers: Invalid value: "a b/c": prefix part a lowercase RFC 1123 subdomain must consist of…',
];
const asChanged = [
  "metadata.generation: Invalid value: -1: must not be decremented",
  otherName,
  'metadata.labels: Invalid value: "?": a valid label must be an empty string or consist of…',
];
const unknownFinalizer =
  'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified';

// As new and as changed, which all kinds are asked for; then once more, as ConfigMaps are.
testUpdates(valid, [
  ["v1/ConfigMap", {}, { metadata: { finalizers: ["a/b c"] } }, badFinalizer, badFinalizer],
  [
    "v1/ConfigMap",
    { metadata: { finalizers: ["orphan"] } },
    { metadata: { finalizers: ["orphan", "foregroundDeletion"] } },
    bothFinalizers,
    bothFinalizers,
  ],
  ["v1/ConfigMap", {}, { metadata: { name: "y" } }, otherName, otherName],
  ["v1/ConfigMap", { metadata: { uid: "u" } }, { metadata: { uid: "v" } }, otherUid, otherUid],
  [
    "v1/ConfigMap",
    { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } },
    { metadata: { finalizers: ["a/b"] } },
    newFinalizers,
    newFinalizers,
  ],
  [
    "v1/ConfigMap",
    { metadata: { generation: 2 } },
    { metadata: { name: "y", generation: -1, labels: { a: "?" }, finalizers: ["mine", "a b/c"] } },
    ...asNew,
    ...asChanged,
    ...asChanged,
    unknownFinalizer,
    ...asNew,
    unknownFinalizer,
  ],
  ["coordination.k8s.io/v1/Lease", {}, { metadata: { finalizers: ["mine"] } }],
]);
