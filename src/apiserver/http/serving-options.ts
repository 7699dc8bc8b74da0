/** How the API is served: what kube-apiserver's flags of the same names say. Facts for the door and the front. */
import type { SecureVersion } from "node:tls";
import type { SniCertificate } from "./sni-certificates.ts";

export interface ServingOptions {
  /** --cors-allowed-origins: regular expressions of origins whose pages may ask. Empty: no word of it. */
  readonly corsAllowedOrigins: readonly string[];
  /** --strict-transport-security-directives. Empty: no such header. */
  readonly hstsDirectives: readonly string[];
  /** --goaway-chance: of how many requests over HTTP/2 the connection is given up, 0 to 0.02. */
  readonly goawayChance: number;
  /** --shutdown-send-retry-after: it goes on listening while it ends, and tells all that comes to come again. */
  readonly sendsRetryAfter: boolean;
  /** --shutdown-watch-termination-grace-period: how long it waits for watches to be over. */
  readonly watchGraceMs: number;
  /** --tls-min-version */
  readonly tlsMinVersion: SecureVersion;
  /** --tls-cipher-suites, in Go's names. Empty: the usual ones. */
  readonly cipherSuites: readonly string[];
  /** --tls-sni-cert-key: for clients that ask for a name. */
  readonly sniCertificates: readonly SniCertificate[];
  /** --http2-max-streams-per-connection. 0: as many as are meant to be enough. */
  readonly http2StreamsMax: number;
}

export const defaultServing: ServingOptions = {
  corsAllowedOrigins: [],
  hstsDirectives: [],
  goawayChance: 0,
  sendsRetryAfter: false,
  watchGraceMs: 0,
  tlsMinVersion: "TLSv1.2",
  cipherSuites: [],
  sniCertificates: [],
  http2StreamsMax: 0,
};
