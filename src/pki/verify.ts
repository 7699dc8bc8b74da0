/** Whether a certificate that a peer showed is good: issued by one of ours, in time, for this purpose. */
import { createHash, X509Certificate } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { toRfc3339 } from "#base/clock.ts";
import { readCertificate, type CertificateInfo } from "./certificate.ts";
import { purpose } from "./extensions.ts";
import { LruCache } from "./lru.ts";
import type { Name } from "./name.ts";
import { allFromPem } from "#base/pem.ts";

/** A node's agent keeps one or two connections; 4,096 certificates are 2 MiB at most. */
const verifiedMax = 4096;

export class CertificateError extends Error {
  override readonly name = "CertificateError";
  readonly code = "BAD_CERTIFICATE";
}

interface Authority {
  readonly certificate: X509Certificate;
  readonly info: CertificateInfo;
}

/** Verified is what never changes; the dates are looked at each time. */
interface Verified {
  readonly info: CertificateInfo;
  readonly authority: CertificateInfo;
}

/** Verifies client certificates against a bundle of authorities. Signatures are remembered by fingerprint. */
export class ClientCertificateVerifier {
  readonly #clock: Clock;
  readonly #authorities: readonly Authority[];
  readonly #verified = new LruCache<Verified>(verifiedMax);

  constructor(options: { readonly caPem: string }, deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
    this.#authorities = allFromPem("CERTIFICATE", options.caPem).map((der) => ({
      certificate: new X509Certificate(der),
      info: readCertificate(der),
    }));
  }

  /** The subject of a good certificate; throws CertificateError for any other. */
  verify(der: Buffer): Name {
    const fingerprint = createHash("sha256").update(der).digest("base64");
    let verified = this.#verified.get(fingerprint);
    if (verified === undefined) {
      verified = this.#verifySignature(der);
      this.#verified.set(fingerprint, verified);
    }
    this.#checkDates(verified.info);
    this.#checkDates(verified.authority);
    return verified.info.subject;
  }

  #verifySignature(der: Buffer): Verified {
    const { certificate, info } = parse(der);
    const authority = this.#authorities.find(
      (candidate) =>
        certificate.checkIssued(candidate.certificate) && certificate.verify(candidate.certificate.publicKey),
    );
    if (authority === undefined) {
      throw new CertificateError("x509: certificate signed by unknown authority");
    }
    const { purposes, unknownCritical } = info.extensions;
    if (unknownCritical.length > 0) throw new CertificateError("x509: unhandled critical extension");
    if (purposes !== undefined && !purposes.some((id) => id === purpose.client || id === purpose.any)) {
      throw new CertificateError("x509: certificate specifies an incompatible key usage");
    }
    return { info, authority: authority.info };
  }

  #checkDates({ notBeforeMs, notAfterMs }: CertificateInfo): void {
    const now = this.#clock.now();
    if (now >= notBeforeMs && now <= notAfterMs) return;
    const [order, limit] = now < notBeforeMs ? ["before", notBeforeMs] : ["after", notAfterMs];
    throw new CertificateError(
      `x509: certificate has expired or is not yet valid: current time ${toRfc3339(now)} is ${order} ${toRfc3339(limit)}`,
    );
  }
}

function parse(der: Buffer): { certificate: X509Certificate; info: CertificateInfo } {
  try {
    return { certificate: new X509Certificate(der), info: readCertificate(der) };
  } catch (error) {
    throw new CertificateError("x509: malformed certificate", { cause: error });
  }
}
