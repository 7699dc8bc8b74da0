/** The files that --service-account-*key-file name. */
import type { ServiceAccountOptions } from "#apiserver/authn/service-account/options.ts";
import { readTextIfExists } from "#base/files.ts";
import { errorText } from "#base/log.ts";
import { parseSigningKey, parseVerificationKeys } from "#pki/jwt.ts";
import type { ServiceAccountFlags } from "./options.ts";

export interface ServiceAccountKeys {
  /** PEM of the key that signs. */
  readonly serviceAccountKeyPem: string;
  readonly serviceAccounts: ServiceAccountOptions;
}

/** `ownKeyPem` signs where no other is named. Throws for a file that isn't there or has no key. */
export async function loadServiceAccountKeys(
  { signingKeyFile, keyFiles, ...flags }: ServiceAccountFlags,
  ownKeyPem: string,
): Promise<ServiceAccountKeys> {
  const signing =
    signingKeyFile === undefined
      ? ownKeyPem
      : await keysIn("service-account-signing-key-file", signingKeyFile, parseSigningKey);
  const keyPems = await Promise.all(
    keyFiles.map((file) => keysIn("service-account-key-file", file, parseVerificationKeys)),
  );
  // As by upstream, who names keys names all of them; the cluster's own key, which nobody could name, stays.
  const trustsSigningKey = signingKeyFile === undefined || keyFiles.length === 0;
  return { serviceAccountKeyPem: signing, serviceAccounts: { ...flags, keyPems, trustsSigningKey } };
}

async function keysIn(flag: string, path: string, parse: (pem: string) => unknown): Promise<string> {
  const pem = await readTextIfExists(path);
  if (pem === undefined) throw new Error(`--${flag} is ${path}, which does not exist`);
  try {
    parse(pem);
  } catch (error) {
    throw new Error(`--${flag} is ${path}, which has no key of RSA or ECDSA: ${errorText(error)}`, {
      cause: error,
    });
  }
  return pem;
}
