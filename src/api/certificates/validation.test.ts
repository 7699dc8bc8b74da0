/** Cases re-expressed from pkg/apis/certificates/validation/validation_test.go. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fieldErrorText } from "../meta/field-error.ts";
import { testCreates, testStatusUpdates, testUpdates, type Valid } from "../testing/validation-cases.ts";
import type { AnyObject } from "../meta/object.ts";
import { parseRuntimeConfig } from "../runtime-config.ts";
import { createTypeTable } from "../schema/table.ts";
import { createScheme } from "../scheme.ts";
import { Validator } from "../validation.ts";

const csr = "certificates.k8s.io/v1/CertificateSigningRequest";
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const pem = (label: string, body = "AAAA"): string =>
  `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
const valid: Valid = {
  [csr]: {
    spec: { request: base64(pem("CERTIFICATE REQUEST")), signerName: "example.com/signer", usages: ["any"] },
  },
};
const signer = (signerName: string): object => ({ spec: { signerName } });

suite("signing requests", () => {
  testCreates(valid, [
    [csr, { metadata: { name: "Jane_1" } }],
    [csr, { metadata: { name: "a/b" } }, "metadata.name: Invalid value: \"a/b\": may not contain '/'"],
    [csr, signer(""), "spec.signerName: Required value"],
    [
      csr,
      signer("plain"),
      "spec.signerName: Invalid value: \"plain\": must be a fully qualified domain and path of the form 'example.com/signer-name'",
    ],
    [
      csr,
      signer("kubernetes.io/legacy-unknown"),
      'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
    ],
    [
      csr,
      { spec: { usages: ["any", "any", "flying"] } },
      'spec.usages[2]: Unsupported value: "flying": supported values: "any", …',
      'spec.usages[1]: Duplicate value: "any"',
    ],
    [
      csr,
      signer("example/signer"),
      'spec.signerName: Invalid value: "example": should be a domain with at least two segments separated by dots',
    ],
    [
      csr,
      signer("a.B.-/x.Y"),
      'spec.signerName: Invalid value: "a.B.-": validating label "B": a lowercase RFC 1123 label must…',
      'spec.signerName: Invalid value: "x.Y": validating label "Y": a lowercase RFC 1123 subdomain must…',
    ],
    [csr, { spec: { expirationSeconds: 600 } }],
    [
      csr,
      { spec: { expirationSeconds: 599 } },
      "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)",
    ],
  ]);
});

const conditions = (...all: object[]): object => ({ status: { conditions: all } });
const certificate = (text: string): object => ({ status: { certificate: base64(text) } });
const approved = { type: "Approved", status: "True" };
const denied = { type: "Denied", status: "True" };
const failed = { type: "Failed", status: "True" };

suite("signing requests from before v1", () => {
  testUpdates(valid, [
    [csr, { spec: { usages: ["any", "flying", "any"] } }, {}],
    [csr, signer("kubernetes.io/legacy-unknown"), {}],
    [
      csr,
      {},
      { spec: { usages: ["flying"] } },
      'spec.usages[0]: Unsupported value: "flying": supported values: "any", …',
    ],
  ]);
});

suite("the status of signing requests", () => {
  testStatusUpdates(valid, [
    [csr, conditions(approved), conditions(approved, { type: "Other", status: "Unknown" })],
    [
      csr,
      {},
      conditions(denied),
      'status.conditions: Forbidden: updates may not add a condition of type "Denied"',
    ],
    [
      csr,
      {},
      conditions({}),
      "status.conditions[0].type: Required value",
      "status.conditions[0].status: Required value",
    ],
    [
      csr,
      {},
      conditions({ type: "Approved", status: "False" }, { type: "Other", status: "Maybe" }),
      'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
      'status.conditions[1].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
      'status.conditions: Forbidden: updates may not add a condition of type "Approved"',
    ],
    [csr, conditions(approved, denied), conditions(approved, denied, { type: "Other", status: "True" })],
    [
      csr,
      conditions(approved),
      conditions(approved, denied),
      'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
      'status.conditions: Forbidden: updates may not add a condition of type "Denied"',
    ],
    [
      csr,
      conditions(failed),
      conditions(failed, failed, { type: "", status: "True" }),
      'status.conditions[1].type: Duplicate value: "Failed"',
      "status.conditions[2].type: Required value",
    ],
    [
      csr,
      conditions(failed, failed, { type: "", status: "True" }),
      conditions(failed, failed, { type: "", status: "True" }, { type: "", status: "False" }),
    ],
    [
      csr,
      conditions(approved),
      { status: { conditions: undefined } },
      'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
    ],
    [
      csr,
      certificate(pem("CERTIFICATE")),
      certificate(pem("CERTIFICATE", "BBBB")),
      "status.certificate: Forbidden: updates may not modify existing certificate content",
    ],
    [
      csr,
      certificate("nothing"),
      certificate("nothing else"),
      "status.certificate: Forbidden: updates may not modify existing certificate content",
    ],
  ]);
});

const validator = new Validator({ scheme: createScheme(parseRuntimeConfig([])), table: createTypeTable() });
const withStatus = (status: object): AnyObject => ({ metadata: { name: "x" }, status });
const faultsOf = (status: object, old: object): string[] =>
  validator.approvalUpdate(withStatus(status), withStatus(old)).map(fieldErrorText);

suite("approvals", () => {
  test("a condition may be added, and nothing else", () => {
    assert.deepEqual(faultsOf({ conditions: [approved] }, {}), []);
    assert.deepEqual(faultsOf({ conditions: [] }, { conditions: [approved] }), [
      'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
    ]);
    assert.deepEqual(faultsOf({ certificate: base64(pem("CERTIFICATE")) }, {}), [
      "status.certificate: Forbidden: updates may not set certificate content",
    ]);
  });
  test("what is both approved and denied already is tolerated, and nothing new", () => {
    const both = { conditions: [approved, denied] };
    assert.deepEqual(faultsOf({ conditions: [...both.conditions, failed] }, both), []);
    assert.deepEqual(faultsOf(both, { conditions: [approved] }), [
      'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
    ]);
  });
});
