/** What a signer of pods' certificates does: an authority below a root, and leaves for others' keys. */
import { createHash, generateKeyPairSync, sign, constants, type KeyObject } from "node:crypto";
import { keyIdOf, signCertificate } from "#pki/certificate.ts";
import { context, octets, oid, sequence, write } from "#pki/der.ts";
import { caExtensions, leafExtensions } from "#pki/extensions.ts";

const name = (commonName: string) => ({ commonName, organizations: [] });

export interface TestAuthority {
  readonly certificatePem: string;
  readonly commonName: string;
  readonly privateKey: KeyObject;
  readonly keyId: Buffer;
}

const serialOf = (text: string): Buffer => {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
};

const yearMs = 365 * 24 * 3600 * 1000;

/** Without a parent it signs itself. */
export function testAuthority(commonName: string, nowMs: number, parent?: TestAuthority): TestAuthority {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keyId = keyIdOf(publicKey);
  const certificatePem = signCertificate(
    {
      serial: serialOf(commonName),
      issuer: name(parent?.commonName ?? commonName),
      subject: name(commonName),
      notBeforeMs: nowMs - 60_000,
      notAfterMs: nowMs + yearMs,
      publicKey,
      extensions: caExtensions(keyId),
    },
    parent?.privateKey ?? privateKey,
  );
  return { certificatePem, commonName, privateKey, keyId };
}

export interface LeafFor {
  readonly publicKey: KeyObject;
  readonly notBeforeMs: number;
  readonly seconds: number;
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
}

/** PEM of one certificate. */
export function testLeaf(authority: TestAuthority, leaf: LeafFor): string {
  const { publicKey, notBeforeMs, seconds, dnsNames = [], uris = [] } = leaf;
  const names = [
    ...dnsNames.map((text) => write(context(2, false), Buffer.from(text))),
    ...uris.map((text) => write(context(6, false), Buffer.from(text))),
  ];
  const altNames = sequence(oid("2.5.29.17"), octets(sequence(...names)));
  const authorityKeyId = authority.keyId;
  return signCertificate(
    {
      serial: serialOf(`${notBeforeMs} ${uris.join(" ")}`),
      issuer: name(authority.commonName),
      subject: name("leaf"),
      notBeforeMs,
      notAfterMs: notBeforeMs + seconds * 1000,
      publicKey,
      extensions: [
        ...leafExtensions({ usage: "both", authorityKeyId, dnsNames: [], ipAddresses: [] }),
        ...(names.length === 0 ? [] : [altNames]),
      ],
    },
    authority.privateKey,
  );
}

/** What a kubelet sends to prove that it holds the key: base64 of the key, and of the pod's UID signed with it. */
export function provenKey(
  keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
  podUid: string,
): { readonly pkixPublicKey: string; readonly proofOfPossession: string } {
  const { publicKey, privateKey: key } = keys;
  const isRsa = key.asymmetricKeyType === "rsa";
  const padding = isRsa ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
  const algorithm = key.asymmetricKeyType === "ed25519" ? null : "sha256";
  return {
    pkixPublicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    proofOfPossession: sign(algorithm, Buffer.from(podUid), { key, ...padding }).toString("base64"),
  };
}
