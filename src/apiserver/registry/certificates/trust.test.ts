/** upstream: pkg/apis/certificates/validation/validation_test.go */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import type { PodCertificateRequestStatus } from "#api/generated/types/certificates-v1beta1.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { ManualClock, toRfc3339 } from "#base/clock.ts";
import { toPem } from "#base/pem.ts";
import { provenKey, testAuthority, testLeaf, type LeafFor } from "#testing/pod-certificates.ts";
import { DefaultStrategy, StatusStrategy, type StrategyContext } from "../strategy.ts";
import { PodCertificateRequestStrategy, PodCertificateStatusStrategy } from "./pod-certificate-requests.ts";
import { TrustBundleStrategy } from "./trust-bundles.ts";

const clock = new ManualClock();
const base = new DefaultStrategy({
  hasStatus: true,
  initialStatus: {},
  generation: "none",
  dropDisabled: () => undefined,
  allowCreateOnUpdate: false,
  allowUnconditionalUpdate: false,
  returnsDeletedObject: false,
  validation: { create: () => [], update: () => [] },
});
const root = testAuthority("root", clock.now());
const between = testAuthority("between", clock.now(), root);
const ed25519 = generateKeyPairSync("ed25519");

const faultOf = (detail: string): string => `spec.trustBundle: Invalid value: "<value omitted>": ${detail}`;
const bundleOf = (trustBundle: string): AnyObject => ({ metadata: { name: "b" }, spec: { trustBundle } });

suite("what a trust bundle may hold", () => {
  const strategy = new TrustBundleStrategy(base);
  const leaf = testLeaf(root, { publicKey: ed25519.publicKey, notBeforeMs: clock.now(), seconds: 3600 });
  const text = root.certificatePem;
  const cases: [bundle: string, ...faults: string[]][] = [
    [text],
    [`words\n${text}${between.certificatePem}more words`],
    ["", faultOf("at least one trust anchor must be provided")],
    ["words", faultOf("at least one trust anchor must be provided")],
    [text + toPem("PUBLIC KEY", Buffer.from("x")), faultOf("entry 1 has bad block type: PUBLIC KEY")],
    [text.replace("-----\n", "-----\nKey: value\n\n"), faultOf("entry 0 has PEM block headers")],
    [toPem("CERTIFICATE", Buffer.from("x")), faultOf("entry 0 does not parse as X.509")],
    [leaf, faultOf("entry 0 does not have the CA bit set")],
    [text + between.certificatePem + text, faultOf("duplicate trust anchor (indices [0 2])")],
    [text + " ".repeat(2 ** 20), "spec.trustBundle: Too long: may not be more than 1048576 bytes"],
  ];
  for (const [bundle, ...wanted] of cases) {
    test(wanted.join() || `fine: ${bundle.slice(0, 10)}`, () => {
      assert.deepEqual(strategy.validateCreate(bundleOf(bundle)).map(fieldErrorText), wanted);
      assert.deepEqual(
        strategy.validateUpdate(bundleOf(bundle), bundleOf("old")).map(fieldErrorText),
        wanted,
      );
      assert.deepEqual(strategy.validateUpdate(bundleOf(bundle), bundleOf(bundle)), []);
    });
  }
});

suite("the key of a request", () => {
  const strategy = new PodCertificateRequestStrategy(base);
  const faultsOf = (spec: object): string[] =>
    strategy
      .validateCreate({ metadata: { name: "r" }, spec: { podUID: "uid", ...spec } })
      .map(fieldErrorText);
  const unproven = "spec.proofOfPossession: Invalid value: could not verify proof-of-possession signature";
  const keys = {
    ED25519: ed25519,
    ECDSAP256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    ECDSAP384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
    ECDSAP521: generateKeyPairSync("ec", { namedCurve: "P-521" }),
    RSA3072: generateKeyPairSync("rsa", { modulusLength: 3072 }),
  };
  for (const [type, pair] of Object.entries(keys)) {
    test(`${type} is proven by who holds it`, () => {
      assert.deepEqual(faultsOf(provenKey(pair, "uid")), []);
      assert.deepEqual(faultsOf(provenKey(pair, "other")), [unproven]);
    });
  }
  const short = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const odd = generateKeyPairSync("ec", { namedCurve: "secp224r1" });
  const foreign = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const unknown = provenKey(foreign, "uid").pkixPublicKey;
  const cases: [name: string, spec: object, fault: string][] = [
    [
      "a short RSA key",
      provenKey(short, "uid"),
      'spec.pkixPublicKey: Invalid value: "2048-bit modulus": RSA keys must have modulus size 3072 or 4096',
    ],
    [
      "a curve that nobody has",
      provenKey(odd, "uid"),
      'spec.pkixPublicKey: Invalid value: "curve P-224": elliptic public keys must use curve P256 or P384',
    ],
    [
      "a curve that Go doesn't read",
      provenKey(foreign, "uid"),
      `spec.pkixPublicKey: Invalid value: "${unknown}": must be a valid PKIX-serialized public key`,
    ],
    [
      "no key",
      { pkixPublicKey: "AAAA" },
      'spec.pkixPublicKey: Invalid value: "AAAA": must be a valid PKIX-serialized public key',
    ],
    [
      "a key that is too long",
      { pkixPublicKey: "A".repeat(16_384) },
      "spec.pkixPublicKey: Too long: may not be more than 10240 bytes",
    ],
  ];
  for (const [name, spec, fault] of cases) {
    test(name, () => {
      assert.deepEqual(faultsOf(spec), [fault]);
    });
  }
});

const chain = (status: Loose<PodCertificateRequestStatus>): string =>
  `status.certificateChain: Invalid value: ${JSON.stringify(status.certificateChain)}`;

suite("the status of a request", () => {
  const now = toRfc3339(clock.now());
  const condition = (type: string, status = "True"): object => ({
    type,
    status,
    reason: "Because",
    message: "",
    lastTransitionTime: now,
  });
  const spec = { signerName: "example.com/own", maxExpirationSeconds: 7200, ...provenKey(ed25519, "uid") };
  const requestOf = (status: object): AnyObject => ({ metadata: { name: "r" }, spec, status });
  const minute = 60_000;

  /** A good one, but for what is said. */
  function issued(
    leaf: Partial<LeafFor> = {},
    changes: Loose<PodCertificateRequestStatus> = {},
  ): Loose<PodCertificateRequestStatus> & { conditions: object[] } {
    const { publicKey, notBeforeMs = clock.now() - 2 * minute, seconds = 3600 } = leaf;
    const own = testLeaf(between, {
      ...leaf,
      publicKey: publicKey ?? ed25519.publicKey,
      notBeforeMs,
      seconds,
    });
    return {
      certificateChain: own + between.certificatePem,
      notBefore: toRfc3339(notBeforeMs),
      notAfter: toRfc3339(notBeforeMs + seconds * 1000),
      beginRefreshAt: toRfc3339(notBeforeMs + seconds * 1000 - 20 * minute),
      ...changes,
      conditions: [condition("Issued")],
    };
  }
  const context: StrategyContext = {
    now,
    dryRun: false,
    requestVersion: "certificates.k8s.io/v1beta1",
    user: { name: "jane", groups: [] },
    warn: () => undefined,
  };
  const faultsOf = async (status: object, old: object = {}, allowed = true): Promise<string[]> => {
    const strategy = new PodCertificateStatusStrategy(
      new StatusStrategy({
        allowUnconditionalUpdate: false,
        keeps: [],
        dropDisabled: () => undefined,
        validate: () => [],
      }),
      {
        clock,
        authorizer: {
          authorize: () => ({ allowed, denied: false, reason: "" }),
          rulesFor: () => Promise.reject(new Error("nobody asks")),
        },
      },
    );
    const [object, before] = [requestOf(status), requestOf(old)];
    await strategy.beginUpdate(object, before, context);
    return strategy.validateUpdate(object, before).map(fieldErrorText);
  };
  const other = issued({ publicKey: generateKeyPairSync("ed25519").publicKey });
  const keyed = issued({}, { certificateChain: issued().certificateChain + toPem("X", Buffer.from("x")) });
  const torn = issued({}, { certificateChain: toPem("CERTIFICATE", Buffer.from("x")) });
  const long = issued({ seconds: 7201 });
  const early = clock.now() - 5 * minute;
  const cases: [name: string, status: object, old: object, ...faults: string[]][] = [
    ["issued", issued(), {}],
    ["issued with a name", issued({ dnsNames: ["a.b"], uris: ["spiffe://a/b"] }), {}],
    ["denied", { conditions: [condition("Denied")] }, {}],
    ["failed", { conditions: [condition("Failed")] }, {}],
    ["nothing", {}, {}],
    [
      "another condition",
      { conditions: [condition("Ready")] },
      {},
      'status.conditions.[0].type: Unsupported value: "Ready": supported values: "Issued", "Denied", "Failed"',
    ],
    [
      "no outcome",
      { conditions: [condition("Denied", "False")] },
      {},
      'status.conditions.[0].status: Unsupported value: "False": supported values: "True"',
    ],
    [
      "two outcomes",
      { conditions: [condition("Denied"), condition("Failed")] },
      {},
      'status.conditions.[1].type: Invalid value: "Failed": There may be at most one condition with type "Issued", "Denied", or "Failed"',
    ],
    [
      "denied with a certificate",
      { ...issued(), conditions: [condition("Denied")] },
      {},
      "status: Invalid value: non-condition status fields must be empty when denying or failing the PodCertificateRequest",
    ],
    [
      "no condition",
      { notBefore: now },
      {},
      'status: Invalid value: status is immutable unless transitioning to "Issued", "Denied", or "Failed"',
    ],
    [
      "after its end",
      { conditions: [condition("Failed")] },
      { conditions: [condition("Denied")] },
      "status: Invalid value: immutable after PodCertificateRequest is issued, denied, or failed",
    ],
    [
      "no certificate",
      issued({}, { certificateChain: "" }),
      {},
      'status.certificateChain: Invalid value: "": issued certificate chain must contain at least one certificate',
    ],
    [
      "something else",
      keyed,
      {},
      `${chain(keyed)}: issued certificate chain must consist entirely of CERTFICATE PEM blocks`,
    ],
    ["a broken one", torn, {}, `${chain(torn)}: leaf certificate does not parse as valid X.509`],
    [
      "another key's",
      other,
      {},
      `${chain(other)}: leaf certificate was not issued to the requested public key`,
    ],
    [
      "a strange name",
      issued({ dnsNames: [".a..b"] }),
      {},
      `status.certificateChain: Invalid value: ".a..b": leaf certificate's DNSName should not contain '..'`,
      `status.certificateChain: Invalid value: ".a..b": leaf certificate's DNSName should not start or end with '.'`,
    ],
    [
      "no times",
      issued({}, { notBefore: undefined, notAfter: undefined, beginRefreshAt: undefined }),
      {},
      "status.notBefore: Required value: must be present and consistent with the issued certificate",
      "status.notAfter: Required value: must be present and consistent with the issued certificate",
      "status.beginRefreshAt: Required value: must be present and in the range [notbefore+10min, notafter-10min]",
    ],
    [
      "another beginning",
      issued({}, { notBefore: now }),
      {},
      `status.notBefore: Invalid value: "${now}": must be set to the NotBefore time encoded in the leaf certificate`,
    ],
    [
      "an early beginning",
      issued({ notBeforeMs: early }),
      {},
      `status.notBefore: Invalid value: "${toRfc3339(early)}": must be set to within 5 minutes of kube-apiserver's current time`,
    ],
    [
      "another end",
      issued({}, { notAfter: now }),
      {},
      `status.notAfter: Invalid value: "${now}": must be set to the NotAfter time encoded in the leaf certificate`,
    ],
    [
      "a short life",
      issued({ seconds: 3599 }),
      {},
      "status.certificateChain: Invalid value: 3599000000000: leaf certificate lifetime must be >= 1 hour",
    ],
    [
      "a long life",
      long,
      {},
      "status.certificateChain: Invalid value: 7201000000000: leaf certificate lifetime must be <= spec.maxExpirationSeconds (7200)",
    ],
    [
      "an early renewal",
      issued({}, { beginRefreshAt: now }),
      {},
      `status.beginRefreshAt: Invalid value: "${now}": must be at least 10 minutes after status.notBefore`,
    ],
    [
      "a late renewal",
      issued({}, { beginRefreshAt: issued().notAfter }),
      {},
      `status.beginRefreshAt: Invalid value: "${issued().notAfter ?? ""}": must be at least 10 minutes before status.notAfter`,
    ],
  ];
  for (const [name, status, old, ...wanted] of cases) {
    test(name, async () => {
      assert.deepEqual(await faultsOf(status, old), wanted);
    });
  }
  test("who has no consent changes nothing, and may write what is there", async () => {
    assert.deepEqual(await faultsOf({ conditions: [condition("Denied")] }, {}, false), [
      'spec.signerName: Forbidden: User "jane" is not permitted to "sign" for signer "example.com/own"',
    ]);
    const denied = { conditions: [condition("Denied")] };
    assert.deepEqual(await faultsOf(denied, denied, false), []);
  });
});
