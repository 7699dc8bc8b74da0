import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import { createCsr, readCsr, type RequestOptions } from "#pki/csr.ts";
import { cleanedAt } from "./cleaner.ts";
import { clientSigner, kubeletClientSigner, kubeletServingSigner, legacySigner } from "./requests.ts";
import { signerRules } from "./signer-rules.ts";
import { signedMs } from "./signing.ts";

const node = { commonName: "system:node:a", organizations: ["system:nodes"] };
const clientUsages = ["digital signature", "client auth"];
const servingUsages = ["digital signature", "key encipherment", "server auth"];

const cases: readonly (readonly [string, RequestOptions, readonly string[], string | undefined])[] = [
  [clientSigner, { commonName: "jane" }, ["client auth"], undefined],
  [
    clientSigner,
    { commonName: "jane" },
    ["client auth", "server auth"],
    "invalid usage for client certificate: server auth",
  ],
  [
    clientSigner,
    { commonName: "jane" },
    ["digital signature"],
    "missing required usage for client certificate: client auth",
  ],
  [kubeletClientSigner, node, clientUsages, undefined],
  [kubeletClientSigner, node, ["key encipherment", ...clientUsages], undefined],
  [
    kubeletClientSigner,
    node,
    ["client auth"],
    "usages did not match [client auth digital signature key encipherment]",
  ],
  [
    kubeletClientSigner,
    { ...node, organizations: ["a"] },
    clientUsages,
    "subject organization is not system:nodes",
  ],
  [kubeletClientSigner, { ...node, dnsNames: ["a"] }, clientUsages, "DNS subjectAltNames are not allowed"],
  [
    kubeletClientSigner,
    { ...node, ipAddresses: ["10.0.0.1"] },
    clientUsages,
    "IP subjectAltNames are not allowed",
  ],
  [
    kubeletClientSigner,
    { ...node, commonName: "a" },
    clientUsages,
    "subject common name does not begin with system:node:",
  ],
  [kubeletServingSigner, { ...node, dnsNames: ["a"] }, servingUsages, undefined],
  [kubeletServingSigner, node, servingUsages, "DNS or IP subjectAltName is required"],
  [
    kubeletServingSigner,
    { ...node, dnsNames: ["a"] },
    clientUsages,
    "usages did not match [digital signature key encipherment server auth]",
  ],
  [legacySigner, { commonName: "anything" }, ["any"], undefined],
];

suite("what signers sign", () => {
  for (const [index, [signer, options, usages, fault]] of cases.entries()) {
    test(`${signer} (${index}): ${fault ?? "fine"}`, () => {
      assert.equal(signerRules[signer]?.(readCsr(createCsr(options).csrPem), usages), fault);
    });
  }

  for (const [seconds, minutes] of [
    [undefined, 8760 * 60 - 5],
    [600, 10],
    [60, 10],
    [3600, 60],
    [8 * 3600, 8 * 60 - 5],
    [1_000_000_000, 8760 * 60 - 5],
  ] as const) {
    test(`${seconds} seconds asked are ${minutes} minutes from now on`, () => {
      assert.equal(signedMs(seconds), minutes * 60_000);
    });
  }
});

suite("requests nobody needs", () => {
  const created = "2026-01-01T00:00:00Z";
  const decided = "2026-01-01T10:00:00Z";
  const condition = (type: string): NonNullable<CertificateSigningRequest["status"]> => ({
    conditions: [{ type, status: "True", lastUpdateTime: decided }],
  });
  for (const [what, status, at] of [
    ["pending", undefined, "2026-01-02T00:00:00.000Z"],
    ["denied", condition("Denied"), "2026-01-01T11:00:00.000Z"],
    ["failed", condition("Failed"), "2026-01-01T11:00:00.000Z"],
    ["approved and not signed yet", condition("Approved"), undefined],
  ] as const) {
    test(`go in time: ${what}`, () => {
      const request: CertificateSigningRequest = {
        metadata: { name: "a", creationTimestamp: created },
        spec: { request: "", signerName: clientSigner },
        ...(status === undefined ? {} : { status }),
      };
      const found = cleanedAt(request);
      assert.equal(found, at === undefined ? undefined : Date.parse(at));
    });
  }
});
