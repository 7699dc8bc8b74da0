/** The server's authorities, certificates and keys: made once, kept in DATA-DIR/server/tls under k3s's names. */
import { generateKeyPairSync } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { readTextIfExists, writeFileAtomic } from "#base/files.ts";
import type { Random } from "#base/random.ts";
import {
  createCa,
  issueCertificate,
  loadCa,
  type CertificateAuthority,
  type KeyPair,
  type LeafOptions,
} from "#pki/ca.ts";
import { readCertificatePem } from "#pki/certificate.ts";

export interface ServerCertificates {
  /** Signs what servers present: the API and kubelets. */
  readonly serverCa: CertificateAuthority;
  /** Signs what clients present. */
  readonly clientCa: CertificateAuthority;
  readonly serving: KeyPair;
  readonly admin: KeyPair;
  /** The API server as a client of kubelets. */
  readonly kubeletClient: KeyPair;
  /** Signs what front proxies present: who shows its certificate is believed about whom he speaks for. */
  readonly requestHeaderCa: CertificateAuthority;
  /** The API server as such a front proxy of the servers that extend it. */
  readonly frontProxyClient: KeyPair;
  /** PKCS #8 PEM: signs ServiceAccount tokens. */
  readonly serviceAccountKeyPem: string;
}

/** What all servers of a cluster have in common. */
export interface SharedKeys {
  readonly serverCa: KeyPair;
  readonly clientCa: KeyPair;
  /** PKCS #8 PEM. */
  readonly serviceAccountKeyPem: string;
}

export interface CertificateInput {
  readonly directory: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
}

const caDays = 3650;
const leafDays = 365;
const dayMs = 24 * 3600 * 1000;
/** As k3s: a start within this time of the end renews. */
const renewBeforeMs = 120 * dayMs;
/** The user that kubelets let in, as upstream's kubeadm names it. */
export const kubeletClientName = "kube-apiserver-kubelet-client";
/** As k3s names it. */
export const frontProxyName = "system:auth-proxy";

const serviceAccountKeyFile = "service.key";
const authorityName = (what: string, { clock }: Deps): string =>
  `mini-k8s-${what}-ca@${Math.floor(clock.now() / 1000)}`;

/** Of a new cluster; on no disk yet. */
export function newAuthorities(deps: Deps): SharedKeys {
  const make = (what: string): KeyPair => {
    const ca = createCa({ commonName: authorityName(what, deps), days: caDays, ...deps });
    return { certificatePem: ca.certificatePem, keyPem: ca.keyPem };
  };
  return { serverCa: make("server"), clientCa: make("client"), serviceAccountKeyPem: newSigningKey() };
}

function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

export async function loadCertificates(input: CertificateInput, deps: Deps): Promise<ServerCertificates> {
  await mkdir(input.directory, { recursive: true, mode: 0o700 });
  const files = new KeyFiles(input.directory, deps);
  const [serverCa, clientCa, requestHeaderCa, serviceAccountKeyPem] = await Promise.all([
    files.authority("server-ca", authorityName("server", deps)),
    files.authority("client-ca", authorityName("client", deps)),
    // Each server has its own: all of them are told of in one config map.
    files.authority("request-header-ca", authorityName("request-header", deps)),
    files.key(serviceAccountKeyFile),
  ]);
  const [serving, admin, kubeletClient, frontProxyClient] = await Promise.all([
    files.leaf("serving-kube-apiserver", serverCa, {
      commonName: "kube-apiserver",
      dnsNames: input.dnsNames,
      ipAddresses: input.ipAddresses,
      usage: "server",
      days: leafDays,
    }),
    files.leaf("client-admin", clientCa, {
      commonName: "system:admin",
      organizations: ["system:masters"],
      usage: "client",
      days: leafDays,
    }),
    files.leaf("client-kube-apiserver", clientCa, {
      commonName: kubeletClientName,
      organizations: ["system:masters"],
      usage: "client",
      days: leafDays,
    }),
    files.leaf("client-auth-proxy", requestHeaderCa, {
      commonName: frontProxyName,
      usage: "client",
      days: leafDays,
    }),
  ]);
  return {
    serverCa,
    clientCa,
    requestHeaderCa,
    serving,
    admin,
    kubeletClient,
    frontProxyClient,
    serviceAccountKeyPem,
  };
}

/** Pairs of NAME.crt and NAME.key in one directory. */
export class KeyFiles {
  readonly #directory: string;
  readonly #deps: Deps;

  constructor(directory: string, deps: Deps) {
    this.#directory = directory;
    this.#deps = deps;
  }

  async authority(name: string, commonName: string): Promise<CertificateAuthority> {
    const found = await this.#read(name);
    if (found !== undefined) return loadCa(found, this.#deps);
    const ca = createCa({ commonName, days: caDays, ...this.#deps });
    await this.write(name, ca);
    return ca;
  }

  /** The one on disk while it is valid, of this authority and for these names; else a new one. */
  async leaf(name: string, ca: CertificateAuthority, options: LeafOptions): Promise<KeyPair> {
    const found = await this.#read(name);
    if (found !== undefined && this.#isGood(found, ca, options)) return found;
    const pair = issueCertificate(ca, options);
    await this.write(name, pair);
    return pair;
  }

  async key(file: string): Promise<string> {
    const path = join(this.#directory, file);
    const found = await readTextIfExists(path);
    if (found !== undefined) return found;
    const pem = newSigningKey();
    await writeFileAtomic(path, pem, 0o600);
    return pem;
  }

  /** What of it is there only in part counts as not there. */
  async shared(): Promise<SharedKeys | undefined> {
    const [serverCa, clientCa, serviceAccountKeyPem] = await Promise.all([
      this.#read("server-ca"),
      this.#read("client-ca"),
      readTextIfExists(join(this.#directory, serviceAccountKeyFile)),
    ]);
    return serverCa === undefined || clientCa === undefined || serviceAccountKeyPem === undefined
      ? undefined
      : { serverCa, clientCa, serviceAccountKeyPem };
  }

  async writeShared({ serverCa, clientCa, serviceAccountKeyPem }: SharedKeys): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await this.write("client-ca", clientCa);
    await writeFileAtomic(join(this.#directory, serviceAccountKeyFile), serviceAccountKeyPem, 0o600);
    await this.write("server-ca", serverCa);
  }

  async write(name: string, { certificatePem, keyPem }: KeyPair): Promise<void> {
    // The key first: a certificate without its key would be taken for complete after a crash.
    await writeFileAtomic(join(this.#directory, `${name}.key`), keyPem, 0o600);
    await writeFileAtomic(join(this.#directory, `${name}.crt`), certificatePem, 0o644);
  }

  async #read(name: string): Promise<KeyPair | undefined> {
    const [certificatePem, keyPem] = await Promise.all([
      readTextIfExists(join(this.#directory, `${name}.crt`)),
      readTextIfExists(join(this.#directory, `${name}.key`)),
    ]);
    return certificatePem === undefined || keyPem === undefined ? undefined : { certificatePem, keyPem };
  }

  #isGood(pair: KeyPair, ca: CertificateAuthority, options: LeafOptions): boolean {
    const info = readCertificatePem(pair.certificatePem);
    return (
      info.notAfterMs - this.#deps.clock.now() > renewBeforeMs &&
      info.issuer.commonName === ca.subject.commonName &&
      includesAll(info.extensions.dnsNames, options.dnsNames) &&
      includesAll(info.extensions.ipAddresses, options.ipAddresses)
    );
  }
}

function includesAll(have: readonly string[], wanted: readonly string[] = []): boolean {
  return wanted.every((name) => have.includes(name));
}
