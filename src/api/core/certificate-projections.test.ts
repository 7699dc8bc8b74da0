/** upstream: pkg/apis/core/validation/validation_test.go (projected sources) */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ClusterTrustBundleProjection, PodCertificateProjection } from "../generated/types/core-v1.ts";
import { FaultList } from "../meta/fault-list.ts";
import { fieldErrorText } from "../meta/field-error.ts";
import type { Loose } from "../meta/loose.ts";
import { checkPodCertificate, checkTrustBundle } from "./certificate-projections.ts";

const textsOf = (check: (faults: FaultList) => void): string[] => {
  const faults = new FaultList();
  check(faults);
  return faults.all.map(fieldErrorText);
};

suite("a trust bundle in a volume", () => {
  const path = "ca.pem";
  const cases: [source: Loose<ClusterTrustBundleProjection>, ...faults: string[]][] = [
    [{ name: "plain", path }],
    [{ name: "example.com:own:v1", path, optional: true }],
    [{ signerName: "example.com/own", labelSelector: { matchLabels: { a: "b" } }, path }],
    [{ path }, "p: Required value: either name or signerName must be specified"],
    [
      { name: "a", signerName: "example.com/own", path },
      'p: Invalid value: {"Name":"a","SignerName":"example.com/own","LabelSelector":null,"Optional":null,"Path":"ca.pem"}: only one of name and signerName may be used',
    ],
    [
      { name: "a", labelSelector: {}, path },
      "p.labelSelector: Invalid value: {}: labelSelector must be unset if name is specified",
    ],
    [{ name: "plain" }, "p.path: Required value"],
    [{ name: "plain", path: "/ca" }, 'p.path: Invalid value: "/ca": must be a relative path'],
  ];
  for (const [source, ...wanted] of cases) {
    test(JSON.stringify(source), () => {
      assert.deepEqual(
        textsOf((faults) => {
          checkTrustBundle(source, "p", faults);
        }),
        wanted,
      );
    });
  }
  test("a name that no bundle can have", () => {
    const [fault = "", ...more] = textsOf((faults) => {
      checkTrustBundle({ name: "example.com:own:V", path }, "p", faults);
    });
    assert.match(
      fault,
      /^p\.name: Invalid value: "example\.com:own:V": not a valid clustertrustbundlename: a lower/,
    );
    assert.deepEqual(more, []);
  });
});

suite("a certificate in a volume", () => {
  const good = { signerName: "example.com/own", keyType: "ED25519" };
  const cases: [changes: Loose<PodCertificateProjection>, ...faults: string[]][] = [
    [{}],
    [{ maxExpirationSeconds: 3600 }],
    [
      { keyType: "", userAnnotations: { "": "" } },
      "p.userAnnotations: Required value",
      'p.keyType: Unsupported value: "": supported values: "RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"',
    ],
    [
      { keyType: "RSA2048" },
      'p.keyType: Unsupported value: "RSA2048": supported values: "RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"',
    ],
    [
      { maxExpirationSeconds: 3599 },
      "p.maxExpirationSeconds: Invalid value: 3599: if provided, maxExpirationSeconds must be >= 3600",
    ],
    [
      { maxExpirationSeconds: 7_862_401 },
      "p.maxExpirationSeconds: Invalid value: 7862401: if provided, maxExpirationSeconds must be <= 7862400",
    ],
    [
      { maxExpirationSeconds: 86_401, signerName: "kubernetes.io/a" },
      "p.maxExpirationSeconds: Invalid value: 86401: if provided, maxExpirationSeconds must be <= 86400",
    ],
    [
      { userAnnotations: { plain: "" } },
      'p.userAnnotations: Invalid value: "plain": must be a domain-prefixed key (such as "acme.io/foo")',
    ],
  ];
  for (const [changes, ...wanted] of cases) {
    test(JSON.stringify(changes), () => {
      assert.deepEqual(
        textsOf((faults) => {
          checkPodCertificate({ ...good, ...changes }, "p", faults);
        }),
        wanted,
      );
    });
  }
});
