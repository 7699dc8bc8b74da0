/** upstream: plugin/pkg/admission/noderestriction/admission_test.go */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodCertificateRequest } from "#api/generated/types/certificates-v1beta1.ts";
import { nodes, podCertificateRequests, pods, serviceAccounts } from "#api/resources.ts";
import { MemoryApi, refusal } from "#apiserver/authz/testing/memory-api.ts";
import { attributesOf, run, type Write } from "../testing/attributes.ts";
import { NodeRestriction } from "./node-restriction.ts";

const api = new MemoryApi();
for (const name of ["n1", "n2"]) api.seed(nodes, { metadata: { name, uid: `${name}-uid` } });
api.seed(serviceAccounts, { metadata: { namespace: "a", name: "own", uid: "own-uid" } });
const mirror = { "kubernetes.io/config.mirror": "x" };
for (const [name, nodeName, annotations] of [
  ["here", "n1", {}],
  ["there", "n2", {}],
  ["mirror", "n1", mirror],
] as const) {
  api.seed(pods, {
    metadata: { namespace: "a", name, uid: `${name}-uid`, annotations },
    spec: { nodeName, serviceAccountName: "own", containers: [] },
  });
}
const plugin = new NodeRestriction({ informers: api, client: api });
const user = { name: "system:node:n1", groups: ["system:nodes"] };
const spec: PodCertificateRequest["spec"] = {
  signerName: "example.com/own",
  podName: "here",
  podUID: "here-uid",
  serviceAccountName: "own",
  serviceAccountUID: "own-uid",
  nodeName: "n1",
  nodeUID: "n1-uid",
  pkixPublicKey: "",
  proofOfPossession: "",
};
const prefix = 'podcertificaterequests.certificates.k8s.io "r" is forbidden: ';
const ofPod = 'PodCertificateRequest for pod "a/here"';

const cases: [name: string, changes: Partial<typeof spec>, message: string, write?: Write][] = [
  ["its own pod", {}, ""],
  [
    "another node's name",
    { nodeName: "n2" },
    `${prefix}PodCertificateRequest.Spec.NodeName="n2", which is not the requesting node "n1"`,
  ],
  [
    "another time's node",
    { nodeUID: "old" },
    `${ofPod} names node UID "old", inconsistent with the running node ("n1-uid")`,
  ],
  [
    "no pod",
    { podName: "gone" },
    'while retrieving pod "a/gone" named in the PodCertificateRequest: pod "gone" not found',
  ],
  [
    "another pod of its name",
    { podUID: "old" },
    `${ofPod} contains pod UID ("old") which differs from running pod "here-uid"`,
  ],
  [
    "another node's pod",
    { podName: "there", podUID: "there-uid" },
    `${prefix}pod "a/there" is not running on node "n1" named in the PodCertificateRequest`,
  ],
  ["a mirror pod", { podName: "mirror", podUID: "mirror-uid" }, `${prefix}pod "a/mirror" is a mirror pod`],
  [
    "another account",
    { serviceAccountName: "other" },
    `${prefix}${ofPod} contains serviceAccountName ("other") that differs from running pod ("own")`,
  ],
  [
    "another time's account",
    { serviceAccountUID: "old" },
    `${ofPod} names service account UID "old", which differs from the running service account ("own-uid")`,
  ],
  ["no updates", {}, `${prefix}unexpected operation UPDATE`, { operation: "UPDATE" }],
  ["no status", {}, `${prefix}unexpected subresource status`, { subresource: "status" }],
];
for (const [name, changes, message, write] of cases) {
  test(`a node asks for a certificate: ${name}`, async () => {
    const object: PodCertificateRequest = { metadata: { name: "r" }, spec: { ...spec, ...changes } };
    const asked = attributesOf(podCertificateRequests, {
      operation: "CREATE",
      namespace: "a",
      user,
      object,
      ...write,
    });
    assert.equal((await refusal(() => run(plugin, asked))).message, message);
  });
}
