import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ConnectionOptions, PeerCertificate } from "node:tls";
import { type PostgresTls, tlsFor } from "./tls.ts";

const none: PostgresTls = { caPem: undefined, certificatePem: undefined, keyPem: undefined };
const ca: PostgresTls = { ...none, caPem: "CA" };
const pair: PostgresTls = { ...none, certificatePem: "CERT", keyPem: "KEY" };
const url = (mode: string, host = "db"): URL =>
  new URL(`postgres://me:secret@${host}/kubernetes${mode === "" ? "" : `?sslmode=${mode}`}`);

/** "chain": the authority is checked; "name": the host, too. */
function checks(tls: ConnectionOptions | "prefer" | false): string {
  if (typeof tls !== "object") return String(tls);
  const isNamed =
    tls.checkServerIdentity?.("", { subjectaltname: "DNS:other", subject: {} } as PeerCertificate) instanceof
    Error;
  return tls.rejectUnauthorized === true ? (isNamed ? "name" : "chain") : "nothing";
}

suite("what is checked", () => {
  const cases: readonly [mode: string, files: PostgresTls | undefined, checked: string][] = [
    ["", undefined, "prefer"],
    ["", ca, "name"],
    ["", pair, "nothing"],
    ["", { ...ca, ...pair, caPem: "CA" }, "name"],
    ["disable", undefined, "false"],
    ["allow", undefined, "prefer"],
    ["prefer", undefined, "prefer"],
    ["require", undefined, "nothing"],
    ["require", ca, "chain"],
    ["verify-ca", ca, "chain"],
    ["verify-ca", undefined, "chain"],
    ["verify-full", ca, "name"],
    ["verify-full", undefined, "name"],
  ];
  for (const [mode, files, checked] of cases) {
    const which = files === undefined ? "no files" : `${files.caPem ?? ""} ${files.certificatePem ?? ""}`;
    test(`sslmode=${mode} with ${which}`, () => {
      assert.equal(checks(tlsFor(url(mode), files)), checked);
    });
  }
});

const certificate = (names: string): PeerCertificate =>
  ({ subjectaltname: names, subject: {} }) as PeerCertificate;

test("the host is the URL's, also when it is an address", () => {
  const cases: readonly [host: string, names: string, isGood: boolean][] = [
    ["db.example.com", "DNS:db.example.com", true],
    ["db.example.com", "DNS:localhost", false],
    ["10.0.0.7:5433", "IP Address:10.0.0.7", true],
    ["10.0.0.7", "DNS:localhost", false],
    ["[fd00::7]:5433", "IP Address:FD00:0:0:0:0:0:0:7", true],
  ];
  for (const [host, names, isGood] of cases) {
    const tls = tlsFor(url("verify-full", host), ca);
    assert.ok(typeof tls === "object");
    assert.equal(tls.checkServerIdentity?.("localhost", certificate(names)) === undefined, isGood, host);
  }
});

test("a client certificate is shown with every mode that has TLS", () => {
  for (const mode of ["require", "verify-ca", "verify-full"]) {
    const tls = tlsFor(url(mode), { ...pair, caPem: "CA" });
    assert.ok(typeof tls === "object");
    assert.deepEqual([tls.ca, tls.cert, tls.key], ["CA", "CERT", "KEY"]);
  }
});
