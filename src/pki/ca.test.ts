// oxlint-disable-next-line import/no-unassigned-import -- the other library wants it loaded first
import "reflect-metadata";
import assert from "node:assert/strict";
import { createPublicKey, webcrypto, X509Certificate } from "node:crypto";
import { suite, test } from "node:test";
import * as x509 from "@peculiar/x509";
import { ManualClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { CaError, createCa, issueCertificate, loadCa, type CertificateAuthority } from "./ca.ts";
import { readCertificatePem } from "./certificate.ts";
import { createCsr, CsrError, readCsr, signCsr } from "./csr.ts";
import { fromPem } from "#base/pem.ts";
import { CertificateError, ClientCertificateVerifier } from "./verify.ts";

const dayMs = 24 * 3600 * 1000;
const derOf = (pem: string): Buffer => fromPem("CERTIFICATE", pem);

function newCa(clock = new ManualClock(), days = 3650): CertificateAuthority {
  return createCa({ commonName: "mini-k8s-client-ca", clock, random: new SeededRandom(1), days });
}

suite("certificate authority", () => {
  test("OpenSSL reads what we write", () => {
    const ca = newCa();
    const root = new X509Certificate(ca.certificatePem);
    assert.equal(root.ca, true);
    assert.equal(root.subject, "CN=mini-k8s-client-ca");
    assert.equal(root.verify(root.publicKey), true);
    const { certificatePem, keyPem } = issueCertificate(ca, {
      commonName: "kube-apiserver",
      dnsNames: ["kubernetes", "kubernetes.default.svc"],
      ipAddresses: ["10.43.0.1", "2001:db8::1"],
      usage: "server",
      days: 365,
    });
    const leaf = new X509Certificate(certificatePem);
    assert.equal(leaf.ca, false);
    assert.equal(
      leaf.subjectAltName,
      "DNS:kubernetes, DNS:kubernetes.default.svc, IP Address:10.43.0.1, IP Address:2001:DB8:0:0:0:0:0:1",
    );
    assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
    assert.equal(leaf.checkIssued(root), true);
    assert.equal(leaf.verify(root.publicKey), true);
    assert.equal(createPublicKey(keyPem).equals(leaf.publicKey), true);
    assert.equal(leaf.validFromDate.toISOString(), "2025-12-31T23:55:00.000Z");
    assert.equal(leaf.validToDate.toISOString(), "2027-01-01T00:00:00.000Z");
    assert.notEqual(leaf.serialNumber, root.serialNumber);
  });

  test("another certificate library reads the same extensions", () => {
    const ca = newCa();
    const { certificatePem } = issueCertificate(ca, {
      commonName: "system:node:n1",
      organizations: ["system:nodes"],
      usage: "both",
      days: 1,
    });
    const leaf = new x509.X509Certificate(certificatePem);
    assert.equal(leaf.subject, "O=system:nodes, CN=system:node:n1");
    assert.equal(leaf.issuer, "CN=mini-k8s-client-ca");
    const usage = leaf.getExtension(x509.ExtendedKeyUsageExtension);
    assert.deepEqual([...(usage?.usages ?? [])], ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]);
    const keyUsages = leaf.getExtension(x509.KeyUsagesExtension)?.usages;
    assert.equal(keyUsages, x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment);
    const root = new x509.X509Certificate(ca.certificatePem);
    assert.equal(
      root.getExtension(x509.KeyUsagesExtension)?.usages,
      x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
    );
    assert.equal(root.getExtension(x509.BasicConstraintsExtension)?.ca, true);
    assert.equal(
      leaf.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId,
      root.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId,
    );
  });

  test("a certificate never outlives its authority, and dates after 2049 survive", () => {
    const ca = newCa(new ManualClock(), 36_500);
    const { certificatePem } = issueCertificate(ca, { commonName: "x", usage: "client", days: 99_999 });
    assert.equal(readCertificatePem(certificatePem).notAfterMs, ca.notAfterMs);
    assert.equal(new X509Certificate(certificatePem).validToDate.getUTCFullYear(), 2125);
  });

  test("loadCa gives back an authority that issues alike", () => {
    const ca = newCa();
    const again = loadCa(ca, { clock: ca.clock, random: ca.random });
    assert.deepEqual(again.keyId, ca.keyId);
    assert.equal(again.notAfterMs, ca.notAfterMs);
    const { certificatePem } = issueCertificate(again, { commonName: "x", usage: "client", days: 1 });
    assert.equal(new X509Certificate(certificatePem).verify(createPublicKey(ca.keyPem)), true);
  });

  test("loadCa refuses a leaf and a key of another authority", () => {
    const ca = newCa();
    const leaf = issueCertificate(ca, { commonName: "x", usage: "client", days: 1 });
    assert.throws(() => loadCa(leaf, ca), CaError);
    assert.throws(() => loadCa({ certificatePem: ca.certificatePem, keyPem: newCa().keyPem }, ca), CaError);
  });
});

suite("certificate requests", () => {
  test("a request round-trips and is signed with what it asks for", () => {
    const ca = newCa();
    const { csrPem, keyPem } = createCsr({
      commonName: "system:node:n2",
      organizations: ["system:nodes"],
      dnsNames: ["n2"],
      ipAddresses: ["10.0.0.2"],
    });
    const request = readCsr(csrPem);
    assert.deepEqual(request.subject, { commonName: "system:node:n2", organizations: ["system:nodes"] });
    assert.deepEqual(request.extensions.dnsNames, ["n2"]);
    const leaf = new X509Certificate(signCsr(ca, csrPem, { usage: "server", days: 1 }));
    assert.equal(leaf.subjectAltName, "DNS:n2, IP Address:10.0.0.2");
    assert.equal(createPublicKey(keyPem).equals(leaf.publicKey), true);
    const renamed = signCsr(ca, csrPem, { usage: "client", days: 1, commonName: "y", dnsNames: [] });
    assert.equal(readCertificatePem(renamed).subject.commonName, "y");
    assert.deepEqual(readCertificatePem(renamed).extensions.dnsNames, []);
  });

  for (const [name, algorithm] of [
    ["ECDSA P-384", { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" }],
    [
      "RSA",
      {
        name: "RSASSA-PKCS1-v1_5",
        hash: "SHA-256",
        publicExponent: new Uint8Array([1, 0, 1]),
        modulusLength: 2048,
      },
    ],
    ["Ed25519", { name: "Ed25519" }],
  ] as const) {
    test(`a request of another program with ${name} is understood`, async () => {
      const keys = await webcrypto.subtle.generateKey(algorithm as object as webcrypto.EcKeyGenParams, true, [
        "sign",
        "verify",
      ]);
      const csr = await x509.Pkcs10CertificateRequestGenerator.create({
        name: "O=system:nodes, O=extra, CN=system:node:n3",
        keys,
        signingAlgorithm: algorithm,
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "fd00::7" }])],
      });
      const request = readCsr(csr.toString("pem"));
      assert.deepEqual(request.subject, {
        commonName: "system:node:n3",
        organizations: ["system:nodes", "extra"],
      });
      assert.deepEqual(request.extensions.ipAddresses, ["fd00::7"]);
    });
  }

  test("a request whose signature doesn't fit is refused", () => {
    const der = fromPem("CERTIFICATE REQUEST", createCsr({ commonName: "node" }).csrPem);
    const at = der.indexOf("node");
    der.write("evil", at);
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----`;
    assert.throws(() => readCsr(pem), /signature doesn't fit/);
    assert.throws(() => readCsr("nonsense"), CsrError);
    assert.throws(() => readCsr(pem.replace(/\n.{8}/, "\nAAAAAAAA")), CsrError);
  });
});

suite("client certificate verification", () => {
  const clock = new ManualClock();
  const ca = newCa(clock);
  const verifier = new ClientCertificateVerifier(
    { caPem: newCa(clock).certificatePem + ca.certificatePem },
    { clock },
  );
  const good = issueCertificate(ca, {
    commonName: "alice",
    organizations: ["dev", "ops"],
    usage: "client",
    days: 30,
  });

  test("a good one yields its subject, also the second time", () => {
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(verifier.verify(derOf(good.certificatePem)), {
        commonName: "alice",
        organizations: ["dev", "ops"],
      });
    }
  });

  const cases: [string, () => string, RegExp][] = [
    [
      "of another authority",
      () => issueCertificate(newCa(clock), { commonName: "a", usage: "client", days: 1 }).certificatePem,
      /unknown authority/,
    ],
    [
      "for servers",
      () => issueCertificate(ca, { commonName: "a", usage: "server", days: 1 }).certificatePem,
      /incompatible key usage/,
    ],
    ["of a self-named authority", () => newCa(clock).certificatePem, /unknown authority/],
  ];
  for (const [name, pem, message] of cases) {
    test(`one ${name} is refused`, () => {
      assert.throws(
        () => verifier.verify(derOf(pem())),
        (error) => error instanceof CertificateError && message.test(error.message),
      );
    });
  }

  test("garbage is refused", () => {
    assert.throws(() => verifier.verify(Buffer.from("garbage")), /malformed certificate/);
  });

  test("dates are looked at each time, although the signature is remembered", async () => {
    await clock.advance(31 * dayMs);
    assert.throws(
      () => verifier.verify(derOf(good.certificatePem)),
      /expired or is not yet valid: current time 2026-02-01T00:00:00Z is after 2026-01-31T00:00:00Z/,
    );
  });
});
