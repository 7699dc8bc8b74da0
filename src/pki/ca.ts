/** A certificate authority and what it issues: serving and client certificates, signed requests. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { keyIdOf, readCertificatePem, signCertificate } from "./certificate.ts";
import { caExtensions, leafExtensions, type Usage } from "./extensions.ts";
import type { Name } from "./name.ts";

export interface CaDeps {
  readonly clock: Clock;
  readonly random: Random;
}

export interface CertificateAuthority extends CaDeps {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly subject: Name;
  readonly notAfterMs: number;
  readonly privateKey: KeyObject;
  /** Names this authority's key in what it issues. */
  readonly keyId: Buffer;
}

export interface CaOptions extends CaDeps {
  readonly commonName: string;
  readonly days: number;
}

export interface KeyPair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

const dayMs = 24 * 3600 * 1000;

/** Certificates are valid from a little before now, so that a peer whose clock is late accepts them. */
const backdateMs = 5 * 60 * 1000;

export function createCa({ commonName, days, clock, random }: CaOptions): CertificateAuthority {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = { commonName, organizations: [] };
  const keyId = keyIdOf(publicKey);
  const notAfterMs = clock.now() + days * dayMs;
  const certificatePem = signCertificate(
    {
      serial: serialNumber(random),
      issuer: subject,
      subject,
      notBeforeMs: clock.now() - backdateMs,
      notAfterMs,
      publicKey,
      extensions: caExtensions(keyId),
    },
    privateKey,
  );
  return {
    clock,
    random,
    certificatePem,
    keyPem: privateKeyPem(privateKey),
    subject,
    notAfterMs,
    privateKey,
    keyId,
  };
}

export class CaError extends Error {
  override readonly name = "CaError";
  readonly code = "BAD_CA";
}

/** An authority read back from its files. */
export function loadCa({ certificatePem, keyPem }: KeyPair, deps: CaDeps): CertificateAuthority {
  const info = readCertificatePem(certificatePem);
  if (!info.extensions.isCa) {
    throw new CaError(`${JSON.stringify(info.subject.commonName)} is not the certificate of an authority`);
  }
  const privateKey = createPrivateKey(keyPem);
  const publicKey = createPublicKey(certificatePem);
  if (!createPublicKey(keyPem).equals(publicKey)) {
    throw new CaError(`the key of ${JSON.stringify(info.subject.commonName)} doesn't fit its certificate`);
  }
  if (privateKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new CaError(`the key of ${JSON.stringify(info.subject.commonName)} must be ECDSA P-256`);
  }
  return {
    ...deps,
    certificatePem,
    keyPem,
    subject: info.subject,
    notAfterMs: info.notAfterMs,
    privateKey,
    keyId: keyIdOf(publicKey),
  };
}

export interface LeafOptions {
  readonly commonName: string;
  readonly organizations?: readonly string[] | undefined;
  readonly dnsNames?: readonly string[] | undefined;
  readonly ipAddresses?: readonly string[] | undefined;
  readonly usage: Usage;
  readonly days: number;
}

/** A new key and a certificate for it. */
export function issueCertificate(ca: CertificateAuthority, options: LeafOptions): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    certificatePem: certify(ca, publicKey, options),
    keyPem: privateKeyPem(privateKey),
  };
}

/** A certificate for somebody else's key. Never outlives the authority. */
export function certify(ca: CertificateAuthority, publicKey: KeyObject, options: LeafOptions): string {
  const now = ca.clock.now();
  return signCertificate(
    {
      serial: serialNumber(ca.random),
      issuer: ca.subject,
      subject: { commonName: options.commonName, organizations: options.organizations ?? [] },
      notBeforeMs: now - backdateMs,
      notAfterMs: Math.min(now + options.days * dayMs, ca.notAfterMs),
      publicKey,
      extensions: leafExtensions({
        usage: options.usage,
        authorityKeyId: ca.keyId,
        dnsNames: options.dnsNames ?? [],
        ipAddresses: options.ipAddresses ?? [],
      }),
    },
    ca.privateKey,
  );
}

/** 16 random bytes, positive and not zero. */
function serialNumber(random: Random): Buffer {
  const bytes = random.bytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

/** "EC PRIVATE KEY", the form that kubeconfigs and Go's tools write. */
function privateKeyPem(key: KeyObject): string {
  return key.export({ type: "sec1", format: "pem" }).toString();
}
