import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import { certificateSigningRequests, pods } from "#api/resources.ts";
import { RbacAuthorizer } from "#apiserver/authz/rbac.ts";
import { MemoryRoleReader } from "#apiserver/authz/role-reader.ts";
import { refusal } from "#apiserver/authz/testing/memory-api.ts";
import { clusterBinding, clusterRole, rule, user } from "#apiserver/bootstrap/policy/rule.ts";
import { createCsr } from "#pki/csr.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { attributesOf, run, type Write } from "../testing/attributes.ts";
import {
  CertificateApproval,
  CertificateSigning,
  CertificateSubjectRestriction,
} from "./certificate-signers.ts";

const authorizer = new RbacAuthorizer(
  new MemoryRoleReader({
    clusterRoles: [
      clusterRole("one", [rule("approve", "certificates.k8s.io", "signers", "example.com/a")]),
      clusterRole("all", [rule("approve sign", "certificates.k8s.io", "signers", "example.com/*")]),
    ],
    clusterRoleBindings: [clusterBinding("one", [user("one")]), clusterBinding("all", [user("all")])],
  }),
);
const plugins = [
  new CertificateApproval({ authorizer }),
  new CertificateSigning({ authorizer }),
  new CertificateSubjectRestriction(),
];

function csr(
  signerName: string,
  status: CertificateSigningRequest["status"] = {},
  ...organizations: string[]
): CertificateSigningRequest {
  const { csrPem } = createCsr({ commonName: "x", organizations });
  return {
    metadata: { name: "csr" },
    spec: { signerName, request: Buffer.from(csrPem).toString("base64"), usages: [] },
    status,
  };
}

const ask = (who: string, subresource: string, write: Write): AdmissionAttributes =>
  attributesOf(certificateSigningRequests, {
    operation: "UPDATE",
    subresource,
    user: { name: who, groups: [] },
    ...write,
  });
const approve = (who: string, signerName: string): AdmissionAttributes =>
  ask(who, "approval", { object: csr(signerName), oldObject: csr(signerName) });
const prefix = 'certificatesigningrequests.certificates.k8s.io "csr" is forbidden: ';
const client = "kubernetes.io/kube-apiserver-client";

suite("certificate requests", () => {
  const cases: [string, AdmissionAttributes, string][] = [
    ["approved with the signer's consent", approve("one", "example.com/a"), ""],
    ["or the domain's", approve("all", "example.com/b"), ""],
    [
      "not without",
      approve("one", "example.com/b"),
      `${prefix}user not permitted to approve requests with signerName "example.com/b"`,
    ],
    [
      "signed with consent",
      ask("all", "status", {
        object: csr("example.com/a", { certificate: "x" }),
        oldObject: csr("example.com/a"),
      }),
      "",
    ],
    [
      "not signed by approvers",
      ask("one", "status", {
        object: csr("example.com/a", { certificate: "x" }),
        oldObject: csr("example.com/a"),
      }),
      `${prefix}user not permitted to sign requests with signerName "example.com/a"`,
    ],
    [
      "a status without news is anybody's",
      ask("nobody", "status", { object: csr("example.com/a"), oldObject: csr("example.com/a") }),
      "",
    ],
    [
      "nobody becomes a master",
      ask("all", "", { operation: "CREATE", object: csr(client, {}, "dev", "system:masters") }),
      `${prefix}use of ${client} signer with system:masters group is not allowed`,
    ],
    ["others may ask", ask("all", "", { operation: "CREATE", object: csr(client, {}, "dev") }), ""],
    [
      "unless nobody can read it",
      ask("all", "", {
        operation: "CREATE",
        object: { metadata: { name: "csr" }, spec: { signerName: client, request: "eA==" } } as never,
      }),
      `${prefix}failed to parse CSR: the request holds 0 CERTIFICATE REQUEST blocks, must hold one`,
    ],
    ["other resources aren't looked at", attributesOf(pods, { object: { metadata: { name: "x" } } }), ""],
  ];
  for (const [name, attributes, message] of cases) {
    test(name, async () => {
      const result = await refusal(async () => {
        for (const plugin of plugins) await run(plugin, attributes);
      });
      assert.equal(result.message, message);
    });
  }
});
