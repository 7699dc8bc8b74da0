/** The causes of a refusal: one for each time that upstream finds the fault, in the order in which it does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldErrorText, type FieldError } from "./meta/field-error.ts";
import { invalidError } from "./meta/status.ts";
import { changeOf, statusChangeOf, type Valid } from "./testing/validation-cases.ts";

const labels = { app: "x" };
const selector = { matchLabels: labels };
const podSpec = { containers: [{ name: "c", image: "i" }] };
const template = { metadata: { labels }, spec: podSpec };
const jobTemplate = { metadata: { labels }, spec: { ...podSpec, restartPolicy: "Never" } };
const claimSpec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" };
const claimDevices = { devices: { requests: [{ name: "r", exactly: { deviceClassName: "c" } }] } };

const valid: Valid = {
  "v1/ConfigMap": { immutable: true },
  "v1/Endpoints": {},
  "v1/Event": { involvedObject: { namespace: "n" } },
  "v1/LimitRange": { spec: { limits: [] } },
  "v1/Namespace": {},
  "v1/Node": { spec: { providerID: "a" } },
  "v1/PersistentVolume": {
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "1Gi" },
      hostPath: { path: "/a" },
      volumeMode: "Filesystem",
    },
  },
  "v1/PersistentVolumeClaim": { spec: claimSpec },
  "v1/Pod": { spec: podSpec },
  "v1/PodTemplate": { template },
  "v1/ReplicationController": { spec: { selector: labels, template } },
  "v1/ResourceQuota": {},
  "v1/Secret": {},
  "v1/Service": { spec: { ports: [{ port: 80 }], clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"] } },
  "v1/ServiceAccount": {},
  "apiregistration.k8s.io/v1/APIService": {
    metadata: { name: "v1.a.io" },
    spec: { group: "a.io", version: "v1", groupPriorityMinimum: 1, versionPriority: 1 },
  },
  "apps/v1/ControllerRevision": { data: {}, revision: 1 },
  "apps/v1/Deployment": { spec: { selector, template } },
  "apps/v1/StatefulSet": { spec: { serviceName: "s", selector, template } },
  "autoscaling/v2/HorizontalPodAutoscaler": {
    spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: "v1", kind: "ReplicationController", name: "r" } },
  },
  "batch/v1/CronJob": { spec: { schedule: "* * * * *", jobTemplate: { spec: { template: jobTemplate } } } },
  "batch/v1/Job": { spec: { manualSelector: true, selector, template: jobTemplate } },
  "certificates.k8s.io/v1/CertificateSigningRequest": {
    spec: { request: "YQ==", usages: ["any"], signerName: "a.io/b" },
  },
  "coordination.k8s.io/v1/Lease": {},
  "discovery.k8s.io/v1/EndpointSlice": { addressType: "IPv4", endpoints: [] },
  "networking.k8s.io/v1/IngressClass": { spec: { controller: "a.io/b" } },
  "networking.k8s.io/v1/NetworkPolicy": { spec: { podSelector: {} } },
  "node.k8s.io/v1/RuntimeClass": { handler: "a" },
  "policy/v1/PodDisruptionBudget": { spec: { selector: {}, minAvailable: 1 } },
  "rbac.authorization.k8s.io/v1/RoleBinding": { roleRef },
  "resource.k8s.io/v1/ResourceClaim": { spec: claimDevices },
  "resource.k8s.io/v1/ResourceClaimTemplate": { spec: { spec: claimDevices } },
  "scheduling.k8s.io/v1/PriorityClass": { value: 1 },
  "storage.k8s.io/v1/CSIDriver": { spec: {} },
  "storage.k8s.io/v1/StorageClass": { provisioner: "a.io/b" },
  "storage.k8s.io/v1/VolumeAttributesClass": { driverName: "a.io", parameters: { a: "b" } },
};

const bad = { metadata: { labels: { a: "?" } } };
/** The fields of bad labels are written short. */
const label = "metadata.labels";
/** As all kinds are asked: first as new objects are, then as changed ones are. */
const common = [label, label];

const fieldsOf = (faults: readonly FieldError[]): string[] => faults.map(({ field }) => field);

type Case = readonly [key: string, changes: object, ...fields: readonly string[]];

/** Each with a bad label; what else is wrong shows where the kind's strategy looks at labels. */
const updates: readonly Case[] = [
  ["v1/ConfigMap", { data: { "a b": "c" } }, label, "data", label, "data[a b]"],
  ["v1/Secret", { type: "x", data: { "a b": "Yw==" } }, label, "type", label, "data[a b]"],
  ["v1/Endpoints", { subsets: [{}] }, label, label, "subsets[0]"],
  ["v1/Event", { involvedObject: { namespace: "other" } }, "involvedObject.namespace"],
  ["v1/LimitRange", { spec: { limits: [{ type: "a b" }] } }, label, "spec.limits[0].type"],
  ["v1/Namespace", { spec: { finalizers: ["a b/c"] } }, label, "spec.finalizers", label],
  ["v1/Node", { spec: { providerID: "b" } }, label, label, "spec.providerID"],
  [
    "v1/PersistentVolume",
    { spec: { accessModes: [], volumeMode: "Block" } },
    label,
    "spec.accessModes",
    label,
    "spec.accessModes",
    "volumeMode",
  ],
  ["v1/PersistentVolumeClaim", { spec: { accessModes: [] } }, label, label, "spec.accessModes", "spec"],
  ["v1/Pod", { spec: { restartPolicy: "Never" } }, label, label, "spec"],
  ["v1/PodTemplate", { template: { spec: { restartPolicy: "x" } } }, label, "template.spec.restartPolicy"],
  ["v1/ReplicationController", { spec: { replicas: -1 } }, label, "spec.replicas", label, "spec.replicas"],
  ["v1/ResourceQuota", { spec: { scopes: ["x"] } }, label, "spec.scopes", "spec.scopes"],
  [
    "v1/Service",
    { spec: { clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2"], sessionAffinity: "x" } },
    label,
    "spec.clusterIPs[0]",
    label,
    "spec.sessionAffinity",
  ],
  ["v1/ServiceAccount", {}, label, label],
  ["apiregistration.k8s.io/v1/APIService", { spec: { group: "b.io" } }, label, "metadata.name", label],
  ["apps/v1/ControllerRevision", { data: { a: 1 }, revision: -1 }, label, label, "revision", "data"],
  [
    "apps/v1/Deployment",
    { spec: { replicas: -1, selector: { matchLabels: { app: "x", b: "c" } } } },
    label,
    "spec.replicas",
    "spec.template.metadata.labels",
    "spec.selector",
  ],
  ["apps/v1/StatefulSet", { spec: { serviceName: "t" } }, label, "spec"],
  ["autoscaling/v2/HorizontalPodAutoscaler", { spec: { minReplicas: -1 } }, label, "spec.minReplicas"],
  ["batch/v1/CronJob", { spec: { schedule: "" } }, label, "spec.schedule"],
  [
    "batch/v1/Job",
    { spec: { backoffLimit: -1, completions: 2 } },
    label,
    "spec.backoffLimit",
    label,
    "spec.backoffLimit",
    "spec.completions",
  ],
  ["certificates.k8s.io/v1/CertificateSigningRequest", { spec: { usages: [] } }, label, "spec.usages", label],
  ["coordination.k8s.io/v1/Lease", { spec: { leaseTransitions: -1 } }, label, "spec.leaseTransitions"],
  ["discovery.k8s.io/v1/EndpointSlice", { addressType: "IPv6" }, label, "addressType"],
  [
    "networking.k8s.io/v1/IngressClass",
    { spec: { controller: "x" } },
    label,
    "spec.controller",
    label,
    "spec.controller",
  ],
  ["networking.k8s.io/v1/NetworkPolicy", { spec: { policyTypes: ["x"] } }, label, "spec.policyTypes[0]"],
  ["node.k8s.io/v1/RuntimeClass", { handler: "B" }, label, "handler", label, "handler"],
  ["policy/v1/PodDisruptionBudget", { spec: { minAvailable: -1 } }, "spec.minAvailable"],
  [
    "rbac.authorization.k8s.io/v1/RoleBinding",
    { roleRef: { name: "" } },
    label,
    "roleRef.name",
    label,
    "roleRef",
  ],
  ["resource.k8s.io/v1/ResourceClaim", { spec: { devices: { requests: [] } } }, label, label, "spec"],
  [
    "resource.k8s.io/v1/ResourceClaimTemplate",
    { spec: { spec: { devices: { requests: [{ name: "A" }] } } } },
    label,
    "spec.spec.devices.requests[0].name",
    "spec.spec.devices.requests[0]",
    label,
    "spec",
  ],
  ["scheduling.k8s.io/v1/PriorityClass", { value: 2 }, label, "value"],
  ["storage.k8s.io/v1/CSIDriver", { spec: { attachRequired: false } }, label, "spec.attachedRequired"],
  ["storage.k8s.io/v1/StorageClass", { provisioner: "a b" }, label, "provisioner", label, "provisioner"],
  [
    "storage.k8s.io/v1/VolumeAttributesClass",
    { driverName: "A b" },
    label,
    "driverName",
    label,
    "driverName",
  ],
];

for (const [key, changes, ...fields] of updates) {
  test(`an update of ${key} tells of each fault as often as upstream`, () => {
    const found = changeOf(valid, key, {}, { ...changes, ...bad });
    assert.deepEqual(fieldsOf(found), [...common, ...fields]);
    // Each time in the same words.
    const said = found.filter(({ field }) => field === label).map(({ message }) => message);
    assert.equal(new Set(said).size, 1);
  });
}

const statusUpdates: readonly Case[] = [
  ["v1/Node", {}, label],
  ["v1/PersistentVolume", {}, label],
  ["v1/ReplicationController", { status: { observedGeneration: -1 } }, label, "status.observedGeneration"],
  ["apps/v1/StatefulSet", { status: { observedGeneration: -1 } }, "status.observedGeneration", label],
  ["batch/v1/CronJob", {}],
  ["policy/v1/PodDisruptionBudget", { status: { currentHealthy: -1 } }, "status.currentHealthy"],
  [
    "certificates.k8s.io/v1/CertificateSigningRequest",
    { status: { conditions: [{ type: "Other" }] } },
    label,
    "status.conditions[0].status",
    label,
  ],
];

for (const [key, changes, ...fields] of statusUpdates) {
  test(`so does an update of the status of ${key}`, () => {
    assert.deepEqual(fieldsOf(statusChangeOf(valid, key, {}, { ...changes, ...bad })), [
      ...common,
      ...fields,
    ]);
  });
}

test("that a volume can't be mounted with options is told once, between the two looks at it", () => {
  const options = "volume.beta.kubernetes.io/mount-options";
  const changes = { metadata: { annotations: { [options]: "ro" } }, spec: { accessModes: [] } };
  assert.deepEqual(fieldsOf(changeOf(valid, "v1/PersistentVolume", {}, changes)), [
    "spec.accessModes",
    `metadata.annotations[${options}]`,
    "spec.accessModes",
  ]);
});

test("names of managers that objects bring along are judged as those of requests are", () => {
  const entry = { operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: {} };
  const managedFields = [
    { ...entry, manager: "m".repeat(129) },
    { ...entry, manager: "é\u0007" },
    { ...entry, manager: "ok", subresource: "s".repeat(257) },
  ];
  const once = [
    "metadata.managedFields[0].manager: Too long: may not be more than 128 bytes",
    'metadata.managedFields[1].manager: Invalid value: "é\\a": invalid character U+0007 (at position 2)',
    "metadata.managedFields[2].subresource: Too long: may not be more than 256 bytes",
  ];
  const found = changeOf(valid, "v1/ServiceAccount", {}, { metadata: { managedFields } });
  assert.deepEqual(found.map(fieldErrorText), [...once, ...once, ...once, ...once]);
});

test("causes are told with their reasons, and the message tells of each once", () => {
  const kind = { group: "networking.k8s.io", kind: "IngressClass", name: "x" };
  const found = changeOf(
    valid,
    "networking.k8s.io/v1/IngressClass",
    {},
    {
      metadata: { uid: "u" },
      spec: { controller: "x" },
    },
  );
  const { message, details } = invalidError(kind, found).status;
  const uid = {
    reason: "FieldValueInvalid",
    message: 'Invalid value: "u": field is immutable',
    field: "metadata.uid",
  };
  const immutable = {
    reason: "FieldValueInvalid",
    message: 'Invalid value: "x": field is immutable',
    field: "spec.controller",
  };
  const path = 'Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")';
  assert.deepEqual(details?.causes, [
    uid,
    uid,
    immutable,
    { reason: "FieldValueInvalid", message: path, field: "spec.controller" },
  ]);
  assert.equal(
    message,
    `IngressClass.networking.k8s.io "x" is invalid: [metadata.uid: ${uid.message}, spec.controller: ${immutable.message}, spec.controller: ${path}]`,
  );
});

test("addresses that can't be read can't be told apart by family", () => {
  const ips = [{ ip: "1.2.3.4" }, { ip: "x" }];
  const internal = "Internal error: failed to check for dual stack with error:invalid IP[1]: x";
  const pair = "may specify no more than one IP for each IP family";
  const found = statusChangeOf(
    valid,
    "v1/Pod",
    {},
    { status: { podIPs: ips, hostIP: "1.2.3.4", hostIPs: ips } },
  );
  const causesOf = (field: string): object[] => [
    {
      type: "FieldValueInvalid",
      field: `${field}[1]`,
      message: 'Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    },
    { type: "InternalError", field, message: internal },
    { type: "FieldValueInvalid", field, message: `Invalid value: [{"IP":"1.2.3.4"},{"IP":"x"}]: ${pair}` },
  ];
  assert.deepEqual(found, [...causesOf("status.podIPs"), ...causesOf("status.hostIPs")]);
});

test("nor can ranges", () => {
  const podCIDRs = ["10.0.0.0/24", "y"];
  const found = changeOf(valid, "v1/Node", {}, { spec: { podCIDR: "10.0.0.0/24", podCIDRs } });
  assert.deepEqual(
    found.filter(({ type }) => type === "InternalError"),
    [
      {
        type: "InternalError",
        field: "spec.podCIDRs",
        message:
          "Internal error: invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[1]: <nil> (invalid CIDR address: y)",
      },
    ],
  );
});
