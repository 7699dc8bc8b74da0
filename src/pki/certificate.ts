/**
 * X.509 certificates on ECDSA P-256: building and reading them.
 * Written by hand on node:crypto: the certificate library measured 36–80 ms to load, 13 MiB of memory and 4–15 ms
 * per certificate, on the way to the first /readyz; this takes a quarter of a millisecond. The tests hold it
 * against that library and against OpenSSL's reader.
 */
import { createHash, sign, type KeyObject } from "node:crypto";
import { parseTime, toRfc3339 } from "#base/clock.ts";
import {
  bits,
  children,
  context,
  DerError,
  expectTag,
  oid,
  positiveInteger,
  read,
  readBits,
  sequence,
  tag,
  time,
  write,
  type DerNode,
} from "./der.ts";
import { readExtensions, type ReadExtensions } from "./extensions.ts";
import { readName, writeName, type Name } from "./name.ts";
import { fromPem, toPem } from "#base/pem.ts";

const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"));

export interface CertificateParts {
  readonly serial: Buffer;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

/** Signs the parts with the issuer's key. Returns PEM. */
export function signCertificate(parts: CertificateParts, issuerKey: KeyObject): string {
  const body = sequence(
    write(context(0, true), positiveInteger(Buffer.of(2))),
    positiveInteger(parts.serial),
    ecdsaWithSha256,
    writeName(parts.issuer),
    sequence(time(toRfc3339(parts.notBeforeMs)), time(toRfc3339(parts.notAfterMs))),
    writeName(parts.subject),
    parts.publicKey.export({ type: "spki", format: "der" }),
    write(context(3, true), sequence(...parts.extensions)),
  );
  return toPem("CERTIFICATE", sequence(body, ecdsaWithSha256, bits(sign("sha256", body, issuerKey))));
}

/** What a certificate says. Nothing is verified. */
export interface CertificateInfo {
  readonly subject: Name;
  readonly issuer: Name;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly extensions: ReadExtensions;
}

export function readCertificate(der: Buffer): CertificateInfo {
  const [body] = children(read(der), tag.sequence);
  const fields = children(body, tag.sequence);
  // The version is optional and comes first.
  const [, , issuer, validity, subject] = fields[0]?.tag === context(0, true) ? fields.slice(1) : fields;
  const [notBefore, notAfter] = children(validity, tag.sequence);
  const extensions = fields.find((field) => field.tag === context(3, true));
  return {
    issuer: readName(issuer),
    subject: readName(subject),
    notBeforeMs: readTime(notBefore),
    notAfterMs: readTime(notAfter),
    extensions: readExtensions(
      extensions === undefined ? [] : children(read(extensions.content), tag.sequence),
    ),
  };
}

/** From the PEM text of one certificate, or of the first of several. */
export const readCertificatePem = (pem: string): CertificateInfo =>
  readCertificate(fromPem("CERTIFICATE", pem));

/** Two digits of the year below 50 are of this century (RFC 5280). */
function readTime(node: DerNode | undefined): number {
  if (node === undefined) throw new DerError("missing time");
  const digits = expectTag(node, node.tag === tag.utcTime ? tag.utcTime : tag.generalizedTime);
  const text = digits.content.toString("latin1");
  const full = node.tag === tag.utcTime ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text;
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
  if (match === null) throw new DerError(`bad time ${JSON.stringify(text)}`);
  const [, year = "", month = "", day = "", hour = "", minute = "", second = ""] = match;
  return parseTime(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** RFC 5280's first method: the SHA-1 of the key's bits. */
export function keyIdOf(publicKey: KeyObject): Buffer {
  const [, key] = children(read(publicKey.export({ type: "spki", format: "der" })), tag.sequence);
  return createHash("sha1").update(readBits(key)).digest();
}
