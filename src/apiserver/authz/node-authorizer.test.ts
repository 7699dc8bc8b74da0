import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { PodCertificateRequest } from "#api/generated/types/certificates-v1beta1.ts";
import { persistentVolumes, podCertificateRequests, pods, volumeAttachments } from "#api/resources.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Attributes } from "./authorizer.ts";
import { NodeAuthorizer } from "./node-authorizer.ts";
import { InformerNodeGraph } from "./node-graph.ts";
import { MemoryApi } from "./testing/memory-api.ts";

const api = new MemoryApi();
api.seed(pods, {
  metadata: { namespace: "a", name: "web" },
  spec: {
    nodeName: "n1",
    serviceAccountName: "robot",
    imagePullSecrets: [{ name: "pull" }],
    initContainers: [{ name: "i", envFrom: [{ secretRef: { name: "init-env" } }] }],
    containers: [
      {
        name: "c",
        env: [
          { name: "E", valueFrom: { secretKeyRef: { name: "env", key: "k" } } },
          { name: "F", valueFrom: { configMapKeyRef: { name: "env-map", key: "k" } } },
        ],
      },
    ],
    volumes: [
      { name: "s", secret: { secretName: "volume" } },
      {
        name: "p",
        projected: { sources: [{ configMap: { name: "kube-root-ca.crt" } }, { secret: { name: "proj" } }] },
      },
      { name: "d", persistentVolumeClaim: { claimName: "data" } },
      { name: "e", ephemeral: {} },
      { name: "i", csi: { driver: "x", nodePublishSecretRef: { name: "csi" } } },
    ],
    resourceClaims: [{ name: "gpu", resourceClaimName: "gpu-claim" }],
  },
});
api.seed(pods, { metadata: { namespace: "a", name: "other" }, spec: { nodeName: "n2", containers: [] } });
api.seed(pods, {
  metadata: { namespace: "a", name: "mirror", annotations: { "kubernetes.io/config.mirror": "x" } },
  spec: { nodeName: "n2", containers: [], imagePullSecrets: [{ name: "pull" }] },
});
api.seed(persistentVolumes, {
  metadata: { name: "pv1" },
  spec: {
    claimRef: { namespace: "a", name: "data" },
    csi: {
      driver: "x",
      volumeHandle: "h",
      nodeStageSecretRef: { name: "stage", namespace: "storage" },
      controllerExpandSecretRef: { name: "controller", namespace: "storage" },
    },
  },
});
api.seed(volumeAttachments, {
  metadata: { name: "va1" },
  spec: { attacher: "x", nodeName: "n1", source: { persistentVolumeName: "pv1" } },
});

const node = (name: string): UserInfo => ({ name: `system:node:${name}`, groups: ["system:nodes"] });
const authorizer = new NodeAuthorizer(
  {
    rules: [{ verbs: ["list"], apiGroups: [""], resources: ["services"] }],
    features: { podCertificates: true },
  },
  { graph: new InformerNodeGraph(api, { podCertificates: true }) },
);

function ask(verb: string, target: string, more: Partial<Attributes> = {}): Attributes {
  const [place = "", subresource = ""] = target.split("/");
  const [resource = "", ...group] = place.split(".");
  return {
    user: node("n1"),
    verb,
    isResourceRequest: true,
    path: "",
    group: group.join("."),
    version: "v1",
    resource,
    subresource,
    namespace: "a",
    name: "",
    ...more,
  };
}

const requests = "podcertificaterequests.certificates.k8s.io";
const noStatus = "nodes may not access the status subresource of PodCertificateRequests";
for (const [name, nodeName] of [
  ["own", "n1"],
  ["other", "n2"],
] as const) {
  api.seed(podCertificateRequests, {
    metadata: { namespace: "a", name },
    spec: { nodeName } as PodCertificateRequest["spec"],
  });
}

const unrelated = (name: string): string => `no relationship found between node '${name}' and this object`;

suite("the node authorizer", () => {
  const allowed = undefined;
  const cases: [string, Attributes, string | undefined][] = [
    ...["pull", "init-env", "env", "volume", "proj", "csi"].map(
      (name): [string, Attributes, string | undefined] => [
        `a secret of its pod: ${name}`,
        ask("get", "secrets", { name }),
        allowed,
      ],
    ),
    [
      "a secret of its pod's volume",
      ask("watch", "secrets", { namespace: "storage", name: "stage" }),
      allowed,
    ],
    [
      "not a controller's",
      ask("get", "secrets", { namespace: "storage", name: "controller" }),
      unrelated("n1"),
    ],
    ["not the same name elsewhere", ask("get", "secrets", { namespace: "b", name: "pull" }), unrelated("n1")],
    ["not another node's", ask("get", "secrets", { name: "pull", user: node("n2") }), unrelated("n2")],
    ["not all secrets", ask("list", "secrets"), "No Object name found"],
    [
      "no writing of secrets",
      ask("update", "secrets", { name: "pull" }),
      "can only read resources of this type",
    ],
    ["config maps", ask("get", "configmaps", { name: "kube-root-ca.crt" }), allowed],
    ["config maps of the environment", ask("list", "configmaps", { name: "env-map" }), allowed],
    ["claims", ask("get", "persistentvolumeclaims", { name: "data" }), allowed],
    ["claims of ephemeral volumes", ask("get", "persistentvolumeclaims", { name: "web-e" }), allowed],
    ["claims' status", ask("patch", "persistentvolumeclaims/status", { name: "data" }), allowed],
    [
      "no list of claims",
      ask("list", "persistentvolumeclaims"),
      "can only get individual resources of this type",
    ],
    ["volumes", ask("get", "persistentvolumes", { namespace: "", name: "pv1" }), allowed],
    ["resource claims", ask("get", "resourceclaims.resource.k8s.io", { name: "gpu-claim" }), allowed],
    ["attachments", ask("get", "volumeattachments.storage.k8s.io", { namespace: "", name: "va1" }), allowed],
    [
      "not another node's attachments",
      ask("get", "volumeattachments.storage.k8s.io", { namespace: "", name: "va1", user: node("n2") }),
      unrelated("n2"),
    ],
    ["tokens of its pods' accounts", ask("create", "serviceaccounts/token", { name: "robot" }), allowed],
    ["not of other accounts", ask("create", "serviceaccounts/token", { name: "default" }), unrelated("n1")],
    [
      "its lease",
      ask("update", "leases.coordination.k8s.io", { namespace: "kube-node-lease", name: "n1" }),
      allowed,
    ],
    [
      "not another's lease",
      ask("update", "leases.coordination.k8s.io", { namespace: "kube-node-lease", name: "n2" }),
      "can only access node lease with the same name as the requesting node",
    ],
    [
      "no lease elsewhere",
      ask("get", "leases.coordination.k8s.io", { namespace: "kube-system", name: "n1" }),
      'can only access leases in the "kube-node-lease" system namespace',
    ],
    ["its CSI node", ask("get", "csinodes.storage.k8s.io", { namespace: "", name: "n1" }), allowed],
    ["its node", ask("get", "nodes", { namespace: "", name: "n1" }), allowed],
    ["its node's status", ask("patch", "nodes/status", { namespace: "", name: "n1" }), allowed],
    [
      "not all nodes",
      ask("list", "nodes", { namespace: "" }),
      "node 'n1' cannot read all nodes, only its own Node object",
    ],
    [
      "not another node",
      ask("get", "nodes", { namespace: "", name: "n2" }),
      "node 'n1' cannot read 'n2', only its own Node object",
    ],
    [
      "its pods by selector",
      ask("watch", "pods", { namespace: "", fieldSelector: "spec.nodeName=n1" }),
      allowed,
    ],
    [
      "not another's pods by selector",
      ask("list", "pods", { namespace: "", fieldSelector: "spec.nodeName=n2" }),
      "can only list/watch pods with spec.nodeName field selector",
    ],
    ["a certificate for a pod, judged by admission", ask("create", requests), allowed],
    ["its request", ask("get", requests, { name: "own" }), allowed],
    ["not another's request", ask("get", requests, { name: "other" }), unrelated("n1")],
    ["its requests", ask("watch", requests, { fieldSelector: "spec.nodeName=n1" }), allowed],
    [
      "not all requests",
      ask("list", requests),
      "can only list/watch podcertificaterequests with nodeName field selector",
    ],
    ["nothing that is issued", ask("update", `${requests}/status`, { name: "own" }), noStatus],
    ["its pod", ask("get", "pods", { name: "web" }), allowed],
    ["not another's pod", ask("get", "pods", { name: "other" }), unrelated("n1")],
    ["pod status, judged by admission", ask("update", "pods/status", { name: "web" }), allowed],
    ["no exec", ask("create", "pods/exec", { name: "web" }), ""],
    ["what all nodes may", ask("list", "services", { namespace: "" }), allowed],
    ["nothing else", ask("list", "deployments.apps"), ""],
    ["people aren't judged", ask("get", "secrets", { name: "pull", user: { name: "n1", groups: [] } }), ""],
    ["a nameless node", ask("get", "nodes", { user: node("") }), 'unknown node for user "system:node:"'],
    [
      "nodes outside the group aren't nodes",
      ask("get", "secrets", { name: "pull", user: { name: "system:node:n1", groups: [] } }),
      "",
    ],
  ];
  for (const [name, asked, reason] of cases) {
    test(name, () => {
      assert.deepEqual(authorizer.authorize(asked), {
        allowed: reason === allowed,
        denied: false,
        reason: reason ?? "",
      });
    });
  }

  test("its rules can't be listed, others have none", async () => {
    assert.equal((await authorizer.rulesFor(node("n1"))).incomplete, true);
    assert.equal((await authorizer.rulesFor({ name: "alice", groups: [] })).incomplete, false);
  });
});

test("where requests for certificates aren't served, nodes have nothing to do with them", () => {
  const features = { podCertificates: false };
  const graph = new InformerNodeGraph(api, features);
  const own = new NodeAuthorizer({ rules: [], features }, { graph });
  assert.deepEqual(own.authorize(ask("create", requests)), {
    allowed: false,
    denied: false,
    reason: "disabled by feature gate PodCertificateRequest",
  });
});
