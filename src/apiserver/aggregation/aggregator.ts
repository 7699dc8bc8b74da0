/**
 * Other servers behind this one's door: every APIService with a service leads to one. Follows them, tells whether they
 * are available, and hands requests on. upstream: kube-aggregator/pkg/apiserver, pkg/controllers/status/remote
 */
import type { RequestInfo } from "#apiserver/request/info.ts";
import { isDeepStrictEqual } from "node:util";
import type { Registry } from "prom-client";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { apiVersionOf, type GroupVersion, type KubeObject } from "#api/meta/object.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { apiServices, endpointSlices, services } from "#api/resources.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { ServiceResolver } from "#apiserver/connect/service-resolver.ts";
import type { Answer, ApiCall } from "#apiserver/request/call.ts";
import type { RemoteVersion } from "#apiserver/discovery/remote-groups.ts";
import type { OpenApiSource } from "#apiserver/openapi/v3.ts";
import { aborted, ChildAbort } from "#base/abort.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Informer, InformerFactory } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import { AggregationMetrics } from "#apiserver/metrics/aggregation-metrics.ts";
import { certificateFaults } from "#apiserver/metrics/certificate-metrics.ts";
import { RateLimitedQueue, runWorkers } from "#client/work/rate-limited.ts";
import {
  discoveryFailed,
  passed,
  verdictBySurroundings,
  withVerdict,
  type Verdict,
} from "./availability-plan.ts";
import { forward } from "./forward.ts";
import { apiServiceName, groupVersionOf, remoteServiceOf, type RemoteService } from "./group-version.ts";
import { RemoteDocuments } from "./remote-documents.ts";
import { fetchFrom, RemoteFetchError, type RemoteQuestion } from "./remote-fetch.ts";
import { RemoteServers, type FrontProxy } from "./remote-servers.ts";

export interface AggregatorDeps {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly resolver: ServiceResolver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly counts?: ClientCounts | undefined;
  readonly registry: Registry;
}

const workers = 5;
/** upstream: the resync of remote APIServices, and the longest wait after a failure */
const recheckMs = 30_000;
const questionMs = 5000;
/** Of several pods behind a service one that answers is enough. */
const attempts = 5;
const serviceLabel = "kubernetes.io/service-name";
/** Always has the rights, whatever the remote server asks of others. */
const self: UserInfo = { name: "system:kube-aggregator", groups: ["system:masters"] };

interface Neighbours {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
}

type PublishedName = Pick<RequestInfo, "group" | "version" | "resource" | "subresource">;

export class Aggregator {
  readonly #deps: AggregatorDeps;
  readonly #services: Informer<APIService>;
  readonly #servers: RemoteServers;
  readonly #documents: RemoteDocuments;
  readonly #queue: RateLimitedQueue;
  readonly #metrics: AggregationMetrics;
  readonly #closed = new AbortController();
  /** Followed only once there is something remote. */
  #neighbours: Neighbours | undefined;

  constructor(proxy: FrontProxy, deps: AggregatorDeps) {
    const { informers, clock, log, registry } = deps;
    this.#deps = deps;
    this.#services = informers.informer(apiServices);
    this.#metrics = new AggregationMetrics(registry, () => this.#services.lister.list());
    const faults = certificateFaults("kube_aggregator", registry);
    this.#servers = new RemoteServers(proxy, { ...deps, faults });
    const fetch = (service: APIService, path: string, accept: string): ReturnType<typeof fetchFrom> =>
      this.#fetch(service, { path, accept, signal: this.#closed.signal });
    this.#documents = new RemoteDocuments({ fetch, clock, log });
    this.#queue = new RateLimitedQueue({ name: "remote-availability", maxMs: recheckMs }, deps);
  }

  /** Whether another server answers for all of a group and version. */
  serves(own: GroupVersion): boolean {
    return this.#serviceOf(own) !== undefined;
  }

  #serviceOf(own: GroupVersion): APIService | undefined {
    const service = this.#services.lister.get(apiServiceName(own));
    return service?.spec?.service === undefined ? undefined : service;
  }

  /** Undefined when this server itself answers. */
  answer(call: ApiCall): Promise<Answer> | undefined {
    if (!call.path.startsWith("/apis/")) return undefined;
    const [, root, group = "", version = ""] = call.path.split("/");
    if (root !== "apis" || version === "") return undefined;
    const service = this.#serviceOf({ group, version });
    return service === undefined
      ? undefined
      : forward(service, call, { servers: this.#servers, clock: this.#deps.clock });
  }

  /** Whether another server says that it has such a resource. */
  publishes({ group, version, resource, subresource }: PublishedName): boolean {
    const published = this.versions.find(
      (each) => each.group === group && each.version === version,
    )?.published;
    const found = published?.find((each) => each.resource === resource);
    if (found === undefined) return false;
    return (
      subresource === "" || found.subresources?.some((each) => each.subresource === subresource) === true
    );
  }

  /** What remote servers serve, for discovery. */
  get versions(): readonly RemoteVersion[] {
    return this.#documents.versions;
  }

  openapi(): readonly OpenApiSource[] {
    return this.#documents.openapi();
  }

  /** The informers have synced. Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#services.addHandler({
      add: (service) => {
        this.#seen(service);
      },
      update: (service, old) => {
        if (!isDeepStrictEqual(service.spec, old.spec)) this.#seen(service);
      },
      delete: (service) => {
        this.#queue.add(nameOf(service));
      },
    });
    try {
      await runWorkers(this.#queue, workers, (name, stop) => this.#sync(name, stop), signal);
    } finally {
      this.#closed.abort(new Error("the apiserver is stopping"));
      this.#servers.close();
    }
  }

  #seen(service: APIService): void {
    const name = nameOf(service);
    if (remoteServiceOf(service) !== undefined) {
      this.#documents.note(name, service);
      this.#follow();
    }
    this.#queue.add(name);
  }

  #follow(): Neighbours {
    if (this.#neighbours !== undefined) return this.#neighbours;
    const { informers } = this.#deps;
    this.#neighbours = { services: informers.informer(services), slices: informers.informer(endpointSlices) };
    const onService = (service: KubeObject): void => {
      this.#neighbourChanged(service.metadata?.namespace, service.metadata?.name);
    };
    const onSlice = (slice: KubeObject): void => {
      this.#neighbourChanged(slice.metadata?.namespace, slice.metadata?.labels?.[serviceLabel]);
    };
    this.#neighbours.services.addHandler({ add: onService, update: onService, delete: onService });
    this.#neighbours.slices.addHandler({ add: onSlice, update: onSlice, delete: onSlice });
    return this.#neighbours;
  }

  #neighbourChanged(namespace: string | undefined, name: string | undefined): void {
    for (const service of this.#services.lister.list()) {
      const remote = remoteServiceOf(service);
      if (remote?.namespace === namespace && remote?.name === name) this.#queue.add(nameOf(service));
    }
  }

  async #sync(name: string, signal: AbortSignal): Promise<void> {
    const service = this.#services.lister.get(name);
    const remote = service === undefined ? undefined : remoteServiceOf(service);
    if (service === undefined || remote === undefined) {
      this.#documents.forget(name);
      this.#servers.forget(name);
      return;
    }
    const verdict = await this.#judge(service, remote, signal);
    await this.#tell(service, verdict);
    if (verdict.status === "True") await this.#documents.refresh(name, service);
    else this.#documents.markStale(name);
    // Soon again, and after each failure later: a server may come up without a word.
    if (verdict.reason === "FailedDiscoveryCheck") throw new Error(verdict.message);
    this.#queue.addAfter(name, recheckMs);
  }

  async #judge(service: APIService, remote: RemoteService, signal: AbortSignal): Promise<Verdict> {
    const neighbours = this.#follow();
    const synced = Promise.all([neighbours.services.synced, neighbours.slices.synced]);
    await Promise.race([synced, aborted(signal)]);
    signal.throwIfAborted();
    const key = `${remote.namespace}/${remote.name}`;
    const known = verdictBySurroundings(remote, {
      service: neighbours.services.lister.get(key),
      slices: neighbours.slices.lister
        .list(remote.namespace)
        .filter(({ metadata }) => metadata?.labels?.[serviceLabel] === remote.name),
    });
    return known ?? this.#ask(service, signal);
  }

  async #ask(service: APIService, signal: AbortSignal): Promise<Verdict> {
    const path = `/apis/${apiVersionOf(groupVersionOf(service.spec ?? {}))}`;
    using asking = new ChildAbort(signal);
    const question = { path, accept: "*/*", signal: asking.signal, takesAnyCertificate: true };
    try {
      await Promise.any(Array.from({ length: attempts }, () => this.#attempt(service, question)));
      return passed;
    } catch (error) {
      const last: unknown = error instanceof AggregateError ? error.errors.at(-1) : error;
      // Its causes say the same in Node's words.
      return discoveryFailed(last instanceof Error ? last.message : String(last));
    }
  }

  async #attempt(service: APIService, question: Omit<RemoteQuestion, "user" | "timeoutMs">): Promise<void> {
    try {
      const { status, url } = await this.#fetch(service, question);
      if (status >= 200 && status < 300) return;
      throw new Error(`failing or missing response from ${url}: bad status from ${url}: ${status}`);
    } catch (error) {
      if (!(error instanceof RemoteFetchError)) throw error;
      const text = `failing or missing response from ${error.url}: ${error.message}`;
      throw new Error(text, { cause: error });
    }
  }

  #fetch(
    service: APIService,
    question: Omit<RemoteQuestion, "user" | "timeoutMs">,
  ): ReturnType<typeof fetchFrom> {
    const full = { ...question, user: self, timeoutMs: questionMs };
    return fetchFrom(service, full, { servers: this.#servers, clock: this.#deps.clock });
  }

  async #tell(service: APIService, verdict: Verdict): Promise<void> {
    const changed = withVerdict(service, verdict, toRfc3339(this.#deps.clock.now()));
    if (changed === undefined) return;
    try {
      await this.#deps.client.resource(apiServices).updateStatus(changed);
      this.#metrics.judged({ name: nameOf(service), was: service, is: changed });
    } catch (error) {
      // Somebody changed it just now: its event brings us here again. Of a deletion too.
      if (!isConflict(error) && !isNotFound(error)) throw error;
      if (isConflict(error)) this.#queue.add(nameOf(service));
    }
  }
}

const nameOf = ({ metadata }: KubeObject): string => metadata?.name ?? "";
