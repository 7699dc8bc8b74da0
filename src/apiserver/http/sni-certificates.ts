/**
 * Certificates for clients that ask for a name: of files that are followed. upstream:
 * apiserver/pkg/server/dynamiccertificates/{named_certificates,tlsconfig}.go, Go's crypto/tls getCertificate
 */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { dnsSubdomainFaults } from "#api/meta/names.ts";
import { trimRight } from "#base/trim.ts";
import { followFile } from "#base/follow-file.ts";
import { errorText, type Logger } from "#base/log.ts";
import { readCertificatePem } from "#pki/certificate.ts";

/** --tls-sni-cert-key: one of them. */
export interface SniCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  /**
   * Domains, "*." before them for what is one below, and addresses of this machine, for clients that came to them and
   * ask for no name. Empty: the domains that the certificate names.
   */
  readonly names: readonly string[];
}

export interface ServingPair {
  readonly cert: string;
  readonly key: string;
}

interface Loaded {
  readonly context: SecureContext;
  readonly pair: ServingPair;
  readonly names: readonly string[];
}

export class SniCertificates {
  readonly #certificates: readonly SniCertificate[];
  readonly #shared: SecureContextOptions;
  readonly #log: Logger;
  #loaded: readonly Loaded[] = [];
  #byName: ReadonlyMap<string, Loaded> = new Map();
  #loading = Promise.resolve();

  /** `shared`: what goes for connections whatever their name is. */
  constructor(certificates: readonly SniCertificate[], shared: SecureContextOptions, log: Logger) {
    this.#certificates = certificates;
    this.#shared = shared;
    this.#log = log;
  }

  /** Throws for a file that isn't there, and for a pair that is none; then what was known stays. */
  async load(): Promise<void> {
    this.#loaded = await Promise.all(this.#certificates.map((each, index) => this.#read(each, index)));
    const byName = new Map<string, Loaded>();
    // The first of a name counts, and names that were given before those that were found.
    for (const isGiven of [false, true]) {
      for (const [index, loaded] of [...this.#loaded.entries()].toReversed()) {
        if ((this.#certificates[index]?.names.length ?? 0) > 0 !== isGiven) continue;
        for (const name of loaded.names) byName.set(name, loaded);
      }
    }
    this.#byName = byName;
  }

  /** Files that can't be used change nothing but the log. Returns what ends it. */
  follow(): () => void {
    const again = (): void => {
      this.#loading = this.#loading.then(async () => {
        try {
          await this.load();
          this.#log.info("certificates for names loaded");
        } catch (error) {
          this.#log.warn("certificates for names not loaded", { reason: errorText(error) });
        }
      });
    };
    const failed = (error: Error): void => {
      this.#log.warn("certificates for names aren't followed", { reason: error.message });
    };
    const files = new Set(this.#certificates.flatMap(({ certFile, keyFile }) => [certFile, keyFile]));
    const stops = [...files].map((file) => followFile(file, again, failed));
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Undefined: the server's own. */
  contextOf(serverName: string): SecureContext | undefined {
    const name = trimRight(serverName.toLowerCase(), ".");
    return (this.#byName.get(name) ?? this.#byName.get(name.replace(/^[^.]*/, "*")))?.context;
  }

  /** For a client that came to this address, and asks for no name; undefined: the server's own. */
  pairOf(address: string): ServingPair | undefined {
    // As Go writes an IPv4 address that came through a socket of IPv6.
    return this.#byName.get(address.replace(/^::ffff:(?=\d+\.)/, ""))?.pair;
  }

  async #read({ certFile, keyFile, names }: SniCertificate, index: number): Promise<Loaded> {
    try {
      const [cert, key] = await Promise.all([readFile(certFile, "utf8"), readFile(keyFile, "utf8")]);
      const context = createSecureContext({ ...this.#shared, cert, key });
      const wanted = names.length > 0 ? names : namesIn(cert);
      return { context, pair: { cert, key }, names: wanted.map((name) => name.toLowerCase()) };
    } catch (error) {
      const place = `sni-serving-cert::${certFile}::${keyFile}`;
      throw new Error(`invalid SNI cert keypair [${index}/${JSON.stringify(place)}]: ${errorText(error)}`, {
        cause: error,
      });
    }
  }
}

/** Addresses are none: only those count that are given. */
function namesIn(pem: string): readonly string[] {
  const { subject, extensions } = readCertificatePem(pem);
  const { commonName } = subject;
  const isDomain = commonName === "*" || dnsSubdomainFaults(commonName.replace(/^\*\./, "")).length === 0;
  const own = isDomain && isIP(commonName) === 0 ? [commonName] : [];
  return [...own, ...extensions.dnsNames];
}
