import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TokenRequest } from "#api/generated/types/authentication-v1.ts";
import type { Node, PersistentVolumeClaim, Pod, PodSpec } from "#api/generated/types/core-v1.ts";
import {
  csiDrivers,
  csiNodes,
  leases,
  nodes,
  persistentVolumeClaims,
  pods,
  resourceSlices,
  serviceAccounts,
  services,
} from "#api/resources.ts";
import { MemoryApi, refusal } from "#apiserver/authz/testing/memory-api.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { attributesOf, run, type Write } from "../testing/attributes.ts";
import { NodeRestriction } from "./node-restriction.ts";

const api = new MemoryApi();
api.seed(nodes, { metadata: { name: "n1", uid: "n1-uid" } });
api.seed(csiDrivers, {
  metadata: { name: "driver" },
  spec: { tokenRequests: [{ audience: "driver-audience" }] },
});
for (const node of ["n1", "n2"]) {
  api.seed(pods, {
    metadata: { namespace: "a", name: `on-${node}`, uid: `${node}-pod` },
    spec: {
      nodeName: node,
      containers: [],
      volumes: [
        { name: "t", projected: { sources: [{ serviceAccountToken: { path: "t", audience: "vault" } }] } },
        { name: "c", csi: { driver: "driver" } },
      ],
    },
  });
}
const plugin = new NodeRestriction({ informers: api, client: api });
const n1 = { name: "system:node:n1", groups: ["system:nodes"] };
type Ref = Parameters<typeof attributesOf>[0];
const ask = (ref: Ref, write: Write): AdmissionAttributes => attributesOf(ref, { user: n1, ...write });

const owner = { apiVersion: "v1", kind: "Node", name: "n1", uid: "n1-uid", controller: true };
const mirror = (spec: Partial<PodSpec> = {}, more: Partial<NonNullable<Pod["metadata"]>> = {}): Pod => ({
  metadata: {
    namespace: "a",
    name: "m",
    annotations: { "kubernetes.io/config.mirror": "x" },
    ownerReferences: [owner],
    ...more,
  },
  spec: { nodeName: "n1", containers: [], ...spec },
});
const existing = (node: string, status: Pod["status"] = {}, labels?: Record<string, string>): Pod => ({
  metadata: { namespace: "a", name: `on-${node}`, labels },
  spec: { nodeName: node, containers: [] },
  status,
});
const node = (more: Partial<NonNullable<Node["metadata"]>> = {}, spec: Node["spec"] = {}): Node => ({
  metadata: { name: "n1", ...more },
  spec,
});
const token = (spec: Partial<TokenRequest["spec"]>): AdmissionAttributes =>
  ask(serviceAccounts, {
    subresource: "token",
    namespace: "a",
    name: "robot",
    object: { spec: { audiences: ["vault"], ...spec } } as TokenRequest,
  });
const pod = { apiVersion: "v1", kind: "Pod", name: "on-n1", uid: "n1-pod" };
const claim = (more: Partial<PersistentVolumeClaim>): PersistentVolumeClaim => ({
  metadata: { namespace: "a", name: "c" },
  ...more,
});
const update = "UPDATE" as const;

const fine = "";
const cases: [string, AdmissionAttributes, string][] = [
  ["people aren't restricted", attributesOf(nodes, { object: node({ name: "other" }) }), fine],
  [
    "nameless nodes are refused",
    ask(nodes, { object: node(), user: { name: "system:node:", groups: ["system:nodes"] } }),
    'nodes "n1" is forbidden: could not determine node from user "system:node:"',
  ],
  ["other resources are left alone", ask(services, { object: { metadata: { name: "x" } } }), fine],

  ["its mirror pod", ask(pods, { object: mirror() }), fine],
  [
    "no other pod",
    ask(pods, { object: mirror({}, { annotations: {} }) }),
    'pods "m" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
  ],
  [
    "not for another node",
    ask(pods, { object: mirror({ nodeName: "n2" }) }),
    'pods "m" is forbidden: node "n1" can only create pods with spec.nodeName set to itself',
  ],
  [
    "not without an owner",
    ask(pods, { object: mirror({}, { ownerReferences: [] }) }),
    'pods "m" is forbidden: node "n1" can only create pods with an owner reference set to itself',
  ],
  [
    "not with two",
    ask(pods, { object: mirror({}, { ownerReferences: [owner, owner] }) }),
    'pods "m" is forbidden: node "n1" can only create pods with a single owner reference set to itself',
  ],
  [
    "not with one that doesn't control",
    ask(pods, { object: mirror({}, { ownerReferences: [{ ...owner, controller: false }] }) }),
    'pods "m" is forbidden: node "n1" can only create pods with a controller owner reference set to itself',
  ],
  [
    "not blocking the node's deletion",
    ask(pods, { object: mirror({}, { ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }) }),
    'pods "m" is forbidden: node "n1" must not set blockOwnerDeletion on an owner reference',
  ],
  [
    "not of a former node",
    ask(pods, { object: mirror({}, { ownerReferences: [{ ...owner, uid: "old" }] }) }),
    'pods "m" is forbidden: node n1 UID mismatch: expected old got n1-uid',
  ],
  ...(
    [
      ["a service account", { serviceAccountName: "x" }],
      ["secrets", { imagePullSecrets: [{ name: "x" }] }],
      ["configmaps", { volumes: [{ name: "v", configMap: { name: "x" } }] }],
      ["persistentvolumeclaims", { volumes: [{ name: "v", persistentVolumeClaim: { claimName: "x" } }] }],
      [
        "clustertrustbundles",
        { volumes: [{ name: "v", projected: { sources: [{ clusterTrustBundle: { path: "x" } }] } }] },
      ],
      ["resourceclaims", { resourceClaims: [{ name: "x" }] }],
    ] as [string, Partial<PodSpec>][]
  ).map(([what, spec]): [string, AdmissionAttributes, string] => [
    `no mirror pod with ${what}`,
    ask(pods, { object: mirror(spec) }),
    `pods "m" is forbidden: node "n1" can not create pods that reference ${what}`,
  ]),
  ["deletes its pod", ask(pods, { operation: "DELETE", oldObject: existing("n1") }), fine],
  [
    "not another's",
    ask(pods, { operation: "DELETE", oldObject: existing("n2") }),
    'pods "on-n2" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
  ],
  [
    "nor one that is gone",
    ask(pods, { operation: "DELETE", namespace: "a", name: "gone" }),
    'pods "gone" not found',
  ],
  [
    "no update of a pod",
    ask(pods, { operation: update, object: existing("n1"), oldObject: existing("n1") }),
    'pods "on-n1" is forbidden: unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
  ],
  [
    "updates its pod's status",
    ask(pods, {
      operation: update,
      subresource: "status",
      object: existing("n1", { phase: "Running" }),
      oldObject: existing("n1"),
    }),
    fine,
  ],
  [
    "not another's status",
    ask(pods, {
      operation: update,
      subresource: "status",
      object: existing("n2"),
      oldObject: existing("n2"),
    }),
    'pods "on-n2" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
  ],
  [
    "no labels by the status",
    ask(pods, {
      operation: update,
      subresource: "status",
      object: existing("n1", {}, { x: "y" }),
      oldObject: existing("n1"),
    }),
    'pods "on-n1" is forbidden: node "n1" cannot update labels through pod status',
  ],
  [
    "no resource claims by the status",
    ask(pods, {
      operation: update,
      subresource: "status",
      object: existing("n1", { resourceClaimStatuses: [{ name: "x" }] }),
      oldObject: existing("n1"),
    }),
    'pods "on-n1" is forbidden: node "n1" cannot update resource claim statuses',
  ],
  ["evicts its pod", ask(pods, { subresource: "eviction", object: existing("n1") }), fine],
  [
    "not another's pod",
    ask(pods, { subresource: "eviction", object: existing("n2") }),
    'pods "on-n2" is forbidden: node n1 can only evict pods with spec.nodeName set to itself',
  ],
  [
    "no binding",
    ask(pods, { subresource: "binding", object: existing("n1") }),
    `pods "on-n1" is forbidden: unexpected pod subresource "binding", only 'status' and 'eviction' are allowed`,
  ],

  [
    "makes itself",
    ask(nodes, { object: node({ labels: { "kubernetes.io/os": "linux", mine: "x" } }) }),
    fine,
  ],
  [
    "not another",
    ask(nodes, { object: node({ name: "n2" }) }),
    'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
  ],
  [
    "not with labels that steer workloads",
    ask(nodes, {
      object: node({ labels: { "node-role.kubernetes.io/x": "", "a.node-restriction.kubernetes.io/y": "" } }),
    }),
    'nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: a.node-restriction.kubernetes.io/y, node-role.kubernetes.io/x',
  ],
  [
    "takes no such label off",
    ask(nodes, {
      operation: update,
      object: node(),
      oldObject: node({ labels: { "node-role.kubernetes.io/x": "" } }),
    }),
    'nodes "n1" is forbidden: is not allowed to modify labels: node-role.kubernetes.io/x',
  ],
  [
    "but its kubelet's own",
    ask(nodes, {
      operation: update,
      object: node({ labels: { "x.node.kubernetes.io/y": "" } }),
      oldObject: node(),
    }),
    fine,
  ],
  [
    "keeps its taints",
    ask(nodes, {
      operation: update,
      object: node(),
      oldObject: node({}, { taints: [{ key: "k", effect: "NoSchedule" }] }),
    }),
    'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
  ],
  [
    "and its owners",
    ask(nodes, { operation: update, object: node({ ownerReferences: [owner] }), oldObject: node() }),
    'nodes "n1" is forbidden: node "n1" is not allowed to modify ownerReferences',
  ],
  ["deletes itself", ask(nodes, { operation: "DELETE", oldObject: node() }), fine],

  ["asks for its pods' tokens", token({ boundObjectRef: pod }), fine],
  ["and for its drivers'", token({ boundObjectRef: pod, audiences: ["driver-audience"] }), fine],
  [
    "for no other audience",
    token({ boundObjectRef: pod, audiences: ["x"] }),
    'serviceaccounts "robot" is forbidden: audience "x" not found in pod spec volume',
  ],
  [
    "for one audience at a time",
    token({ boundObjectRef: pod, audiences: ["vault", "x"] }),
    'serviceaccounts "robot" is forbidden: node may only request 0 or 1 audiences',
  ],
  [
    "only bound to pods",
    token({ boundObjectRef: { ...pod, kind: "Secret" } }),
    'serviceaccounts "robot" is forbidden: node requested token not bound to a pod',
  ],
  [
    "by uid",
    token({ boundObjectRef: { ...pod, uid: undefined } }),
    'serviceaccounts "robot" is forbidden: node requested token with a pod binding without a uid',
  ],
  [
    "of this life",
    token({ boundObjectRef: { ...pod, uid: "old" } }),
    'serviceaccounts "robot" is forbidden: the UID in the bound object reference (old) does not match the UID in record. The object might have been deleted and then recreated',
  ],
  [
    "on this node",
    token({ boundObjectRef: { ...pod, name: "on-n2", uid: "n2-pod" } }),
    'serviceaccounts "robot" is forbidden: node requested token bound to a pod scheduled on a different node',
  ],

  ["its lease", ask(leases, { object: { metadata: { namespace: "kube-node-lease", name: "n1" } } }), fine],
  [
    "not another's",
    ask(leases, { object: { metadata: { namespace: "kube-node-lease", name: "n2" } } }),
    'leases.coordination.k8s.io "n2" is forbidden: can only access node lease with the same name as the requesting node',
  ],
  [
    "not elsewhere",
    ask(leases, { object: { metadata: { namespace: "a", name: "n1" } } }),
    'leases.coordination.k8s.io "n1" is forbidden: can only access leases in the "kube-node-lease" system namespace',
  ],
  [
    "not another's CSI node",
    ask(csiNodes, { object: { metadata: { name: "n2" } } }),
    'csinodes.storage.k8s.io "n2" is forbidden: can only access CSINode with the same name as the requesting node',
  ],
  [
    "not another's devices",
    ask(resourceSlices, { object: { metadata: { name: "s" }, spec: { nodeName: "n2" } } as never }),
    'resourceslices.resource.k8s.io "s" is forbidden: can only create or delete ResourceSlice with the same NodeName as the requesting node',
  ],
  [
    "reports a claim's size",
    ask(persistentVolumeClaims, {
      operation: update,
      subresource: "status",
      object: claim({ status: { capacity: { storage: "2Gi" }, phase: "Bound" } }),
      oldObject: claim({ status: { phase: "Bound" } }),
    }),
    fine,
  ],
  [
    "and nothing else of it",
    ask(persistentVolumeClaims, {
      operation: update,
      subresource: "status",
      object: claim({ status: { phase: "Lost" } }),
      oldObject: claim({ status: { phase: "Bound" } }),
    }),
    'persistentvolumeclaims "c" is forbidden: node "n1" is not allowed to update fields other than status.capacity and status.conditions',
  ],
  [
    "no claim itself",
    ask(persistentVolumeClaims, { operation: update, object: claim({}), oldObject: claim({}) }),
    'persistentvolumeclaims "c" is forbidden: may only update PVC status',
  ],
];

suite("NodeRestriction", () => {
  for (const [name, attributes, message] of cases) {
    test(name, async () => {
      assert.equal((await refusal(() => run(plugin, attributes))).message, message);
    });
  }
});
