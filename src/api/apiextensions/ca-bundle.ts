/**
 * The certificates that a webhook's client would trust.
 * upstream: client-go/transport/transport.go (rootCertPool, createErrorParsingCAData), Go's crypto/x509 (AppendCertsFromPEM)
 */
import { X509Certificate } from "node:crypto";
import { pemBlocks } from "#base/pem.ts";

/** So many that aren't certificates are enough: each costs as much as hundreds of others that are. */
const blocksMax = 1000;

/** Why nobody could be trusted by it. Base64 of PEM; one certificate is enough, what else is there doesn't count. */
export function caBundleFault(base64: string): string | undefined {
  const pem = Buffer.from(base64, "base64").toString("latin1");
  const blocks = pemBlocks(pem);
  // One with headers is another's.
  const certificates = blocks.filter(({ label, hasHeaders }) => label === "CERTIFICATE" && !hasHeaders);
  if (certificates.slice(0, blocksMax).some(({ der }) => isCertificate(der))) return undefined;
  const isPem = blocks.length > 0 && lastLine.test(pem);
  return `unable to load root certificates: ${why(certificates.length > 0, isPem)}`;
}

/** Nothing comes after the last block. */
const lastLine = /-----[ \t\r]*\n?$(?![^])/;

function why(hasCertificate: boolean, isPem: boolean): string {
  if (hasCertificate) return "failed to parse certificate: x509: malformed certificate";
  return isPem ? "no valid certificate authority data seen" : "unable to parse bytes as PEM block";
}

function isCertificate(der: Buffer): boolean {
  try {
    return new X509Certificate(der).raw.length > 0;
  } catch {
    return false;
  }
}
