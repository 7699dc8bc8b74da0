/**
 * Whether a server is whom its certificate names. Go takes a certificate without alternative names for nobody's, where Node
 * would go by its common name. upstream: apiserver/pkg/util/x509metrics, Go's crypto/x509 VerifyHostname
 */
import { checkServerIdentity, type PeerCertificate } from "node:tls";

/** Told of certificates that were good once. */
export interface CertificateFaults {
  missingSan(): void;
  insecureSha1(): void;
}

export type IdentityCheck = (host: string, certificate: PeerCertificate) => Error | undefined;

/** For the options of TLS. Called once per connection. */
export const identityCheck =
  (faults?: CertificateFaults): IdentityCheck =>
  (host, certificate) => {
    if (certificate.subjectaltname !== undefined) return checkServerIdentity(host, certificate);
    faults?.missingSan();
    const error = new Error(`the certificate of ${host} has no alternative names`);
    return Object.assign(error, { code: "ERR_TLS_CERT_ALTNAME_INVALID", cert: certificate });
  };

export interface Trust {
  readonly ca?: string;
  readonly allowPartialTrustChain: true;
}

/**
 * Options of TLS: whom a server's certificate may come from. As for Go, each of a bundle is trusted as it is, also one that
 * isn't its own issuer. `caPem`: undefined for those of this machine.
 */
export const trustIn = (caPem: string | undefined): Trust => ({
  allowPartialTrustChain: true,
  ...(caPem === undefined ? {} : { ca: caPem }),
});

/** OpenSSL's words for a signature by SHA-1, which has no code of its own. */
const weakDigest = "CA signature digest algorithm too weak";

/** Of a connection that failed. */
export function noteFailure(error: unknown, faults: CertificateFaults | undefined): void {
  if (error instanceof Error && error.message === weakDigest) faults?.insecureSha1();
}
