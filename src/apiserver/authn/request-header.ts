/**
 * Users whom a front proxy names in headers: believed of who shows a certificate of the front proxies' own authority.
 * upstream: apiserver/pkg/authentication/request/headerrequest
 */
import { unauthorizedError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import { CertificateError, ClientCertificateVerifier } from "#pki/verify.ts";
import type { Authenticator, Credentials, HeaderValues, UserInfo } from "./authenticator.ts";
import { unescapeKey, valuesOf } from "./header-values.ts";

export interface RequestHeaderAuthenticatorOptions {
  readonly caPem: string;
  /** Common names; none means that all are fine. */
  readonly allowedNames: readonly string[];
}

const extraPrefix = "x-remote-extra-";

export class RequestHeaderAuthenticator implements Authenticator {
  readonly #allowedNames: ReadonlySet<string>;
  readonly #verifier: ClientCertificateVerifier;

  constructor({ caPem, allowedNames }: RequestHeaderAuthenticatorOptions, deps: { readonly clock: Clock }) {
    this.#allowedNames = new Set(allowedNames);
    this.#verifier = new ClientCertificateVerifier({ caPem }, deps);
  }

  async authenticate({ clientCertificate, remoteHeaders }: Credentials): Promise<UserInfo | undefined> {
    if (remoteHeaders === undefined || clientCertificate === undefined) return undefined;
    this.#verify(clientCertificate);
    const [name = ""] = valuesOf(remoteHeaders, "x-remote-user");
    return name === "" ? undefined : userOf(name, remoteHeaders);
  }

  #verify(certificate: Buffer): void {
    try {
      const { commonName } = this.#verifier.verify(certificate);
      if (this.#allowedNames.size === 0 || this.#allowedNames.has(commonName)) return;
      throw new CertificateError(`x509: subject with cn=${commonName} is not in the allowed list`);
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      throw unauthorizedError(undefined, { cause: error });
    }
  }
}

function userOf(name: string, headers: HeaderValues): UserInfo {
  const [uid = ""] = valuesOf(headers, "x-remote-uid");
  const extra: Record<string, readonly string[]> = {};
  for (const header of Object.keys(headers)) {
    if (!header.startsWith(extraPrefix)) continue;
    extra[unescapeKey(header.slice(extraPrefix.length))] = valuesOf(headers, header);
  }
  return {
    name,
    groups: valuesOf(headers, "x-remote-group"),
    ...(uid === "" ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
