/**
 * The whole apiserver with its security, bootstrap and TLS socket on 127.0.0.1, over a store in memory. For tests of
 * what only real clients show; startTestApiserver() is lighter.
 */
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import { apiserverKind, type Apiserver, type ApiserverDeps } from "#apiserver/component.ts";
import type { ApiserverOptions } from "#apiserver/options.ts";
import { noDescriptions } from "#apiserver/openapi/descriptions.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { systemClock } from "#base/clock.ts";
import { build } from "#base/component.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import { createClient } from "#client/rest.ts";
import { createCa, issueCertificate, type KeyPair } from "#pki/ca.ts";
import { generateSigningKeyPem } from "#pki/jwt.ts";
import { openMemoryStore } from "#store/memory.ts";

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly caPem: string;
  readonly apiserver: Apiserver;
  /** What a kubelet on 127.0.0.1 presents. */
  servingCertificate(name: string): KeyPair;
  /** A client certificate. */
  certificate(user: string, groups?: readonly string[]): KeyPair;
  /** What a front proxy presents, to speak for others. */
  frontProxy(name: string): KeyPair;
  /** Within the process. */
  client(user: UserInfo): Client;
  close(): Promise<void>;
}

/** Serves, and has bootstrapped, when it resolves. */
export async function startTestServer(
  deps: Partial<ApiserverDeps> = {},
  options: Partial<ApiserverOptions> = {},
): Promise<TestServer> {
  const basis = { clock: systemClock, random: systemRandom };
  const ca = createCa({ commonName: "test-ca", days: 2, ...basis });
  const servingCertificate = (commonName: string): KeyPair =>
    issueCertificate(ca, {
      commonName,
      ipAddresses: ["127.0.0.1"],
      dnsNames: ["localhost"],
      usage: "server",
      days: 1,
    });
  const certificate = (commonName: string, organizations: readonly string[] = []): KeyPair =>
    issueCertificate(ca, { commonName, organizations, usage: "client", days: 1 });
  const { frontProxy, requestHeader } = frontProxies();
  const store = deps.store ?? openMemoryStore({ clock: systemClock, log: silentLogger });
  const apiserver = build(
    apiserverKind,
    {
      bindAddress: "127.0.0.1",
      port: 0,
      advertiseAddress: "127.0.0.1",
      serviceCidrs: ["10.43.0.0/16"],
      nodePorts: { first: 30_000, last: 32_767 },
      ...servingCertificate("kube-apiserver"),
      clientCaPem: ca.certificatePem,
      kubeletCaPem: ca.certificatePem,
      kubeletClient: certificate("kube-apiserver-kubelet-client", ["system:masters"]),
      serviceAccountKeyPem: generateSigningKeyPem(),
      requestHeader,
      ...options,
    },
    {
      ...basis,
      log: silentLogger,
      scheme: createScheme(),
      table: createTypeTable(),
      version: {
        gitVersion: "v1.35.2+minik8s",
        gitCommit: "unknown",
        buildDate: "2026-01-01T00:00:00Z",
        platform: "linux/amd64",
      },
      descriptions: noDescriptions,
      tokenAuthenticators: [],
      ...deps,
      store,
    },
  ) as Apiserver;
  const close = await running(apiserver, deps.store === undefined ? store : undefined);
  return {
    port: apiserver.port,
    url: `https://127.0.0.1:${apiserver.port}`,
    caPem: ca.certificatePem,
    apiserver,
    certificate,
    servingCertificate,
    frontProxy,
    client: (user) => createClient(apiserver.local(user)),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Resolves once it is ready, with what ends it, and closes the store where that is the server's own. */
async function running(
  apiserver: Apiserver,
  own: { close(): Promise<void> } | undefined,
): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const ready = Promise.withResolvers<void>();
  const ended = apiserver.run(stop.signal, ready.resolve);
  await Promise.race([ready.promise, ended]);
  return async () => {
    stop.abort();
    await ended;
    // Whoever brought another may start another server over it.
    await own?.close();
  };
}

function frontProxies(): {
  readonly frontProxy: (commonName: string) => KeyPair;
  readonly requestHeader: Parameters<typeof apiserverKind.complete>[0]["requestHeader"];
} {
  const ca = createCa({
    commonName: "test-front-ca",
    days: 2,
    clock: systemClock,
    random: systemRandom,
  });
  const frontProxy = (commonName: string): KeyPair =>
    issueCertificate(ca, { commonName, usage: "client", days: 1 });
  const name = "system:auth-proxy";
  return {
    frontProxy,
    requestHeader: { caPem: ca.certificatePem, allowedNames: [name], client: frontProxy(name) },
  };
}
