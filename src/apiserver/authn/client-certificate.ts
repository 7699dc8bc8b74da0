/** Users by client certificate: the common name is the user, the organizations are the groups. upstream: apiserver/pkg/authentication/request/x509 */
import { createHash } from "node:crypto";
import { unauthorizedError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Name } from "#pki/name.ts";
import { CertificateError, ClientCertificateVerifier } from "#pki/verify.ts";
import type { Authenticator, Credentials, UserInfo } from "./authenticator.ts";
import { credentialIdKey } from "./user.ts";

export class ClientCertificateAuthenticator implements Authenticator {
  readonly #verifier: ClientCertificateVerifier;
  /** The verifier hands out the same name for the same certificate. */
  readonly #users = new WeakMap<Name, UserInfo>();

  constructor(options: { readonly caPem: string }, deps: { readonly clock: Clock }) {
    this.#verifier = new ClientCertificateVerifier(options, deps);
  }

  async authenticate({ clientCertificate }: Credentials): Promise<UserInfo | undefined> {
    if (clientCertificate === undefined) return undefined;
    const name = this.#verify(clientCertificate);
    if (name.commonName === "") return undefined;
    let user = this.#users.get(name);
    if (user === undefined) {
      user = userOf(name, clientCertificate);
      this.#users.set(name, user);
    }
    return user;
  }

  #verify(certificate: Buffer): Name {
    try {
      return this.#verifier.verify(certificate);
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      throw unauthorizedError(undefined, { cause: error });
    }
  }
}

function userOf(name: Name, certificate: Buffer): UserInfo {
  const fingerprint = createHash("sha256").update(certificate).digest("hex");
  return {
    name: name.commonName,
    groups: name.organizations,
    extra: { [credentialIdKey]: [`X509SHA256=${fingerprint}`] },
  };
}
