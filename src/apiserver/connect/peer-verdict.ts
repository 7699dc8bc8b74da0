/**
 * Why a server's certificate isn't believed, in Go's words: OpenSSL only says that it isn't.
 * upstream: Go's crypto/x509/verify.go (Certificate.Verify, buildChains, UnknownAuthorityError)
 */
import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { toRfc3339 } from "#base/clock.ts";
import { allFromPem } from "#base/pem.ts";

export interface Peer {
  readonly certificate: X509Certificate;
  /** Those that came with it, its issuer first. */
  readonly issuers: readonly X509Certificate[];
}

/** Calls `seen` once the server has shown a certificate, before it is known whether it is believed. */
export function watchPeer(socket: TLSSocket, seen: (peer: Peer) => void): void {
  socket.prependOnceListener("secure", () => {
    // After getPeerX509Certificate, Node itself would find nothing to look for names in.
    let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    const shown: X509Certificate[] = [];
    while (next?.raw !== undefined && shown.length < chainMax) {
      shown.push(new X509Certificate(next.raw));
      // One that is its own issuer leads to itself.
      next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
    }
    const [certificate, ...issuers] = shown;
    if (certificate !== undefined) seen({ certificate, issuers });
  });
}

/** upstream: maxChainSignatureChecks */
const chainMax = 100;

/** Undefined for one whose time has come and isn't over. */
export function datesText(
  { validFromDate, validToDate }: X509Certificate,
  nowMs: number,
): string | undefined {
  const now = `certificate has expired or is not yet valid: current time ${toRfc3339(nowMs)}`;
  if (nowMs < validFromDate.getTime()) return `${now} is before ${toRfc3339(validFromDate.getTime())}`;
  return nowMs > validToDate.getTime() ? `${now} is after ${toRfc3339(validToDate.getTime())}` : undefined;
}

const unknown = "certificate signed by unknown authority";

/** `caPem`: those that it might have come from; undefined: this machine's. */
export function unknownAuthorityText(peer: Peer, caPem: string | undefined, nowMs: number): string {
  const last = lastOf(peer);
  for (const candidate of caPem === undefined ? [] : authoritiesIn(caPem)) {
    if (candidate.subject !== last.issuer) continue;
    const why = whyNot(last, candidate, nowMs);
    if (why === undefined) continue;
    return `${unknown} (possibly because of ${JSON.stringify(why)} while trying to verify candidate authority certificate ${JSON.stringify(nameOf(candidate))})`;
  }
  return unknown;
}

function authoritiesIn(pem: string): X509Certificate[] {
  try {
    return allFromPem("CERTIFICATE", pem).map((der) => new X509Certificate(der));
  } catch {
    return []; // OpenSSL took what it could read
  }
}

/** The end of what leads on from the certificate among those that came with it. */
function lastOf({ certificate, issuers }: Peer): X509Certificate {
  let last = certificate;
  for (const issuer of issuers) {
    if (issuer.subject === issuer.issuer || issuer.subject !== last.issuer) break;
    last = issuer;
  }
  return last;
}

function whyNot(certificate: X509Certificate, authority: X509Certificate, nowMs: number): string | undefined {
  if (!authority.ca) {
    return "x509: invalid signature: parent certificate cannot sign this kind of certificate";
  }
  if (!certificate.verify(authority.publicKey)) {
    return signatureTexts[authority.publicKey.asymmetricKeyType ?? ""];
  }
  const dates = datesText(authority, nowMs);
  return dates === undefined ? undefined : `x509: ${dates}`;
}

const signatureTexts: Readonly<Record<string, string>> = {
  rsa: "crypto/rsa: verification error",
  ec: "x509: ECDSA verification failure",
  ed25519: "x509: Ed25519 verification failure",
};

function nameOf({ subject, serialNumber }: X509Certificate): string {
  const named = (attribute: string): string | undefined =>
    subject
      .split("\n")
      .find((line) => line.startsWith(`${attribute}=`))
      ?.slice(attribute.length + 1);
  return named("CN") ?? named("O") ?? `serial:${BigInt(`0x${serialNumber}`)}`;
}
