/** A provider of ID tokens, for tests: over TLS, with keys that can be renewed. */
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from "jose";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";

export class TestIssuer implements AsyncDisposable {
  readonly caPem: string;
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  /** What it answers at other paths, to who brings this bearer token; by path. */
  readonly sources = new Map<string, { readonly accessToken: string; readonly token: string }>();
  /** Where it sends who asks at a path; by path. */
  readonly moved = new Map<string, string>();
  /** What it answers in place of its keys. */
  keys: unknown;
  readonly #server: Server;
  #key: { readonly id: string; readonly privateKey: CryptoKey; readonly jwk: JWK } | undefined;

  private constructor() {
    const deps = { clock: systemClock, random: systemRandom };
    const ca = createCa({ commonName: "issuer-ca", days: 1, ...deps });
    const { certificatePem: cert, keyPem: key } = issueCertificate(ca, {
      commonName: "issuer",
      dnsNames: ["localhost"],
      usage: "server",
      days: 1,
    });
    this.caPem = ca.certificatePem;
    this.#server = createServer({ cert, key }, (request, response) => {
      this.asked.push(request.url ?? "");
      const elsewhere = this.moved.get(request.url ?? "");
      if (elsewhere !== undefined) {
        response.writeHead(302, { location: elsewhere }).end();
        return;
      }
      const source = this.sources.get(request.url ?? "");
      if (source !== undefined) {
        const isRight = (request.headers.authorization ?? "") === source.accessToken;
        response.writeHead(isRight ? 200 : 403).end(isRight ? source.token : "who are you");
        return;
      }
      const body =
        request.url === "/keys"
          ? (this.keys ?? { keys: [this.#key?.jwk] })
          : { issuer: this.url, jwks_uri: `${this.url}/keys` };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  }

  static async start(): Promise<TestIssuer> {
    const issuer = new TestIssuer();
    await issuer.renewKey("first");
    await new Promise<void>((done) => {
      issuer.#server.listen(0, "127.0.0.1", done);
    });
    return issuer;
  }

  get url(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  async renewKey(id: string): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair("RS256");
    this.#key = {
      id,
      privateKey,
      jwk: { ...(await exportJWK(publicKey)), kid: id, alg: "RS256", use: "sig" },
    };
  }

  get jwk(): JWK | undefined {
    return this.#key?.jwk;
  }

  /** Good for an hour unless `claims` say otherwise. `kid`: which key it names; "": none. */
  async token(claims: JWTPayload, kid = this.#key?.id ?? ""): Promise<string> {
    if (this.#key === undefined) throw new Error("there is no key yet");
    const now = Math.floor(systemClock.now() / 1000);
    return new SignJWT({ iss: this.url, aud: "kubernetes", iat: now, exp: now + 3600, ...claims })
      .setProtectedHeader({ alg: "RS256", ...(kid === "" ? {} : { kid }) })
      .sign(this.#key.privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }
}
