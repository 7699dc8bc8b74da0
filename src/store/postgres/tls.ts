/**
 * libpq's sslmode. The library knows some of the modes, but not client certificates with them, and it checks a
 * certificate against "localhost" where the URL has an address. postgresql.org/docs: libpq, SSL Support
 */
import { checkServerIdentity, type ConnectionOptions } from "node:tls";

export interface PostgresTls {
  readonly caPem: string | undefined;
  readonly certificatePem: string | undefined;
  readonly keyPem: string | undefined;
}

export const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof sslModes)[number];

/** As k3s: with a CA all of a certificate is checked, with client certificates alone there is TLS at least. */
export function sslModeOf(url: URL, has: { readonly ca: boolean; readonly certificate: boolean }): SslMode {
  const given = sslModes.find((mode) => mode === url.searchParams.get("sslmode"));
  return given ?? (has.ca ? "verify-full" : has.certificate ? "require" : "prefer");
}

/** In the library's form. */
export function tlsFor(url: URL, tls: PostgresTls | undefined): ConnectionOptions | "prefer" | false {
  const has = { ca: tls?.caPem !== undefined, certificate: tls?.certificatePem !== undefined };
  const mode = sslModeOf(url, has);
  if (mode === "disable") return false;
  if (mode === "allow" || mode === "prefer") return "prefer";
  const files = { ca: tls?.caPem, cert: tls?.certificatePem, key: tls?.keyPem };
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (mode === "verify-full") {
    return {
      ...files,
      rejectUnauthorized: true,
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
    };
  }
  // upstream: libpq checks with "require", too, when it has an authority.
  const isChecked = mode === "verify-ca" || has.ca;
  return { ...files, rejectUnauthorized: isChecked, checkServerIdentity: () => undefined };
}
