/**
 * Ways to the servers that extend the API: found by their services, over TLS, as the front proxy that they trust.
 * upstream: kube-aggregator/pkg/apiserver/handler_proxy.go
 */
import { Agent } from "node:https";
import { isDeepStrictEqual } from "node:util";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Backend, BackendTls } from "#apiserver/connect/backend.ts";
import { tlsOptions } from "#apiserver/connect/backend.ts";
import { identityCheck, noteFailure, type CertificateFaults } from "#apiserver/connect/server-certificate.ts";
import type { ServiceResolver } from "#apiserver/connect/service-resolver.ts";
import { remoteServiceOf, type RemoteService } from "./group-version.ts";
import { remoteHeaders } from "./remote-identity.ts";

export interface FrontProxy {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface RemoteServersDeps {
  readonly resolver: ServiceResolver;
  readonly faults: CertificateFaults;
}

/** Go's http.Transport lets idle connections go after this. */
const idleMs = 90_000;

interface Way {
  readonly spec: APIService["spec"];
  readonly tls: BackendTls;
  readonly agent: Agent;
}

export class RemoteServers {
  readonly #proxy: FrontProxy;
  readonly #resolver: ServiceResolver;
  readonly #faults: CertificateFaults;
  /** By the APIService's name; as many as there are of them. */
  readonly #ways = new Map<string, Way>();

  constructor(proxy: FrontProxy, { resolver, faults }: RemoteServersDeps) {
    this.#proxy = proxy;
    this.#resolver = resolver;
    this.#faults = faults;
  }

  /** Throws when the service can't be found or dialled. */
  async backend(service: APIService, target: string, user: UserInfo): Promise<Backend> {
    const remote = remoteServiceOf(service);
    if (remote === undefined) throw new Error("a local APIService has no server of its own");
    const { tls, agent } = this.#wayTo(service, remote);
    const { host, port } = await this.#resolver.resolve(remote.namespace, remote.name, remote.port);
    return { host, port, target, tls, agent, headers: remoteHeaders(user) };
  }

  /** A request of somebody else's failed. */
  failed(error: unknown): void {
    noteFailure(error, this.#faults);
  }

  /** Its connections aren't needed any more. */
  forget(name: string): void {
    this.#ways.get(name)?.agent.destroy();
    this.#ways.delete(name);
  }

  close(): void {
    for (const name of this.#ways.keys()) this.forget(name);
  }

  #wayTo({ metadata, spec }: APIService, remote: RemoteService): Way {
    const name = metadata?.name ?? "";
    const known = this.#ways.get(name);
    if (known !== undefined && isDeepStrictEqual(known.spec, spec)) return known;
    this.forget(name);
    const tls = this.#tls(spec, remote);
    const agent = new Agent({
      keepAlive: true,
      timeout: idleMs,
      ALPNProtocols: ["http/1.1"],
      ...tlsOptions(tls),
    });
    const way = { spec, tls, agent };
    this.#ways.set(name, way);
    return way;
  }

  #tls(spec: APIService["spec"], { namespace, name }: RemoteService): BackendTls {
    const { caBundle = "", insecureSkipTLSVerify = false } = spec ?? {};
    const isPinned = caBundle !== "" && !insecureSkipTLSVerify;
    return {
      caPem: isPinned ? Buffer.from(caBundle, "base64").toString("utf8") : undefined,
      trustsSystem: !insecureSkipTLSVerify,
      serverName: `${name}.${namespace}.svc`,
      checkServerIdentity: identityCheck(this.#faults),
      ...this.#proxy,
    };
  }
}
