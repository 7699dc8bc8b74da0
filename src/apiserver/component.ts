/** The apiserver, whole: read it from the top to see what a request passes and what the server rests on. */
import { Registry } from "prom-client";
import type { Expressions } from "#api/expressions.ts";
import { readYaml } from "#api/codec/yaml.ts";
import { convert } from "#api/conversion.ts";
import { qualifiedResource } from "#api/meta/object.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { Scheme } from "#api/scheme.ts";
import { Validator } from "#api/validation.ts";
import { aborted } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Completed, Component, ComponentKind } from "#base/component.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import type { OwnedInformers } from "#client/cache/informer.ts";
import { ClientCounts } from "#client/client-counts.ts";
import type { Client, Transport } from "#client/client.ts";
import { createClient } from "#client/rest.ts";
import { parseSigningKey, type VerificationKey } from "#pki/jwt.ts";
import type { Store } from "#store/store.ts";
import { mutatingPolicyRefs } from "./admission/policies/mutating-refs.ts";
import { SchemeTypes } from "./admission/webhooks/object-types.ts";
import { Aggregator } from "./aggregation/aggregator.ts";
import { Registration } from "./aggregation/registration.ts";
import { Assembly, type AssemblyDeps } from "./assembly.ts";
import type { UserInfo } from "./authn/authenticator.ts";
import type { TokenAuthenticator } from "./authn/bearer-token.ts";
import { accountKeys } from "./authn/service-account/keys.ts";
import type { Auditor } from "./audit/auditor.ts";
import { openAuditor } from "./audit/open-auditor.ts";
import { ClusterRoleAggregator } from "./authz/aggregation.ts";
import { bootstrap } from "./bootstrap/bootstrap.ts";
import { reconcileClusterAuthentication } from "./bootstrap/cluster-authentication.ts";
import { OwnReading } from "./bootstrap/own-reading.ts";
import { startOwnUpkeep } from "./bootstrap/own-upkeep.ts";
import { ServerRegister } from "./bootstrap/server-register.ts";
import { reconcileTokenTracking } from "./bootstrap/token-tracking.ts";
import { LateExpressions } from "./crd/late-expressions.ts";
import { createDefinitionValidator, customParts } from "./crd/parts.ts";
import { createConnect } from "./connect/connect.ts";
import { HookClient } from "./connect/hook-client.ts";
import { KeptConnections } from "./connect/kept-connections.ts";
import { ClusterServiceResolver } from "./connect/service-resolver.ts";
import { encryptionAtRest, type EncryptionAtRest } from "./encryption/encryption-at-rest.ts";
import type { HealthCheck } from "./health.ts";
import { checkStore, serverChecks } from "./server-checks.ts";
import type { ExtraRoutes } from "./http/beside.ts";
import { Door } from "./http/door.ts";
import { Front } from "./http/front.ts";
import { RequestMetrics } from "./http/metrics.ts";
import { filterSeries } from "./metrics/filter-metrics.ts";
import { isGateOn, registerFeatureGates } from "./metrics/feature-metrics.ts";
import { PodLogMetrics } from "./metrics/pod-log-metrics.ts";
import { registerServerMetrics } from "./metrics/server-metrics.ts";
import { serverIdOf } from "./metrics/server-identity.ts";
import { certificateFaults } from "./metrics/certificate-metrics.ts";
import { AuditMetrics } from "./metrics/audit-metrics.ts";
import { MeasuredAuthorizer } from "./metrics/authorization-metrics.ts";
import { groupsByResource, MeasuredStore } from "./metrics/measured-store.ts";
import { LocalEndpoint } from "./local-endpoint.ts";
import { ObjectForms } from "./object-forms.ts";
import type { Descriptions } from "./openapi/descriptions.ts";
import { completeApiserverOptions, validateApiserverOptions, type ApiserverOptions } from "./options.ts";
import { createOutside } from "./create-outside.ts";
import type { ComponentProbe } from "./registry/component-statuses.ts";
import { AddressRange } from "./registry/core/services/address-range.ts";
import { PortRange } from "./registry/core/services/port-range.ts";
import { createSecurity, type Security } from "./security.ts";
import { servedFeatures } from "./served-features.ts";
import { lazily } from "./lazily.ts";
import { StartSteps } from "./start-steps.ts";
import type { Chain } from "./request/chain.ts";
import { requestTurns, type RequestTurns } from "./request-turns.ts";
import type { ServerVersion } from "./version.ts";

export interface ApiserverDeps {
  /** Opened and closed by the owner. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly scheme: Scheme;
  readonly table: TypeTable;
  readonly version: ServerVersion;
  readonly descriptions: Descriptions;
  /** Most servers have no expressions, and never load what evaluates them. */
  readonly loadExpressions: () => Promise<Expressions>;
  /** Token files and join tokens. */
  readonly tokenAuthenticators: readonly TokenAuthenticator[];
  /** The whole process is told to stop: this server isn't ready from then on, though it serves until the others are down. */
  readonly stopping?: AbortSignal | undefined;
  /** Of other components, for /readyz, and for componentstatuses beside the store. */
  readonly checks?: readonly HealthCheck[] | undefined;
  readonly probes?: readonly ComponentProbe[] | undefined;
  /** Routes beside the API, such as those that agents join by. They authenticate by themselves. */
  readonly extraRoutes?: ExtraRoutes | undefined;
  /** Of all clients in this process, for metrics. Absent: those of this component alone. */
  readonly counts?: ClientCounts | undefined;
}

/** Its own name towards itself: all powers, by group. */
const self: UserInfo = { name: "system:apiserver", groups: ["system:masters"] };

export interface Apiserver extends Component {
  /** The door for a component of this process, under its own identity. Usable once the server is ready. */
  local(user: UserInfo): Transport;
  /** The port it listens on, once ready. */
  readonly port: number;
  /** All of the cluster's. */
  readonly servers: ServerRegister;
}

class ApiserverComponent implements Apiserver {
  readonly name = "apiserver";
  readonly servers: ServerRegister;
  readonly #options: Completed<ApiserverOptions>;
  readonly #deps: ApiserverDeps;
  readonly #assembly: Assembly;
  readonly #forms: ObjectForms;
  readonly #hooks: HookClient;
  readonly #kept = new KeptConnections();
  readonly #expressions: LateExpressions;
  readonly #security: Security;
  readonly #counts: ClientCounts;
  readonly #client: Client;
  readonly #informers: OwnedInformers;
  readonly #reading: OwnReading;
  readonly #door: Door;
  readonly #roles: ClusterRoleAggregator;
  readonly #aggregator: Aggregator;
  readonly #registration: Registration;
  readonly #registry = new Registry();
  readonly #serverId: string;
  readonly #steps: StartSteps;
  readonly #auditMetrics = new AuditMetrics(this.#registry);
  readonly #certificateFaults = certificateFaults("webhooks", this.#registry);
  readonly #requestMetrics = new RequestMetrics(this.#registry, (gvr) => this.#assembly.removedRelease(gvr));
  readonly #turns: RequestTurns;
  readonly #encryption: EncryptionAtRest | undefined;
  #auditor: Auditor | undefined;
  readonly #accountKeys: readonly VerificationKey[];
  readonly #addresses: readonly AddressRange[];
  #isStopping = false;
  #port = 0;

  constructor(options: Completed<ApiserverOptions>, deps: ApiserverDeps) {
    this.#options = options;
    this.#deps = deps;
    const { clock, random, log } = deps;
    this.#serverId = serverIdOf(options.hostname);
    this.#steps = new StartSteps({ ...options, hasIdentityLease: this.#hasIdentityLease }, clock);
    this.#accountKeys = accountKeys(options.serviceAccountKeyPem, options.serviceAccounts);
    this.#expressions = new LateExpressions(deps.loadExpressions);
    this.#encryption = this.#atRest();
    this.#counts = deps.counts ?? new ClientCounts();
    this.#client = createClient(this.local(self), { clock, counts: this.#counts });
    this.#informers = createInformerFactory({ client: this.#client, clock, random, log });
    this.#reading = new OwnReading({
      informers: this.#informers,
      log,
      cacheOf: (resource) => this.#assembly.installed.storageIfAny(resource)?.cache,
    });
    this.#forms = new ObjectForms(deps);
    const resolver = new ClusterServiceResolver(options.serviceRouting, {
      client: () => this.#client,
      random,
      own: () => ({ host: "127.0.0.1", port: this.#port }),
    });
    const registry = this.#registry;
    this.#hooks = new HookClient({ resolver, clock, faults: this.#certificateFaults });
    const [client, informers, counts] = [this.#client, this.#informers, this.#counts];
    const following = { ...deps, client, informers, registry, counts };
    this.#aggregator = new Aggregator(options.requestHeader.client, { ...following, resolver });
    this.#registration = new Registration({ ...following, builtin: deps.scheme.groupVersions() });
    this.#security = this.#secure();
    this.#turns = requestTurns(options, {
      ...following,
      measureObjects: ({ group, resource }) =>
        this.#assembly.installed.storageIfAny(qualifiedResource(group, resource))?.cache.stored,
    });
    this.#roles = new ClusterRoleAggregator(following);
    this.#addresses = options.serviceCidrs.map(
      (cidr, at) => new AddressRange({ cidr, keepsFirst: at === 0 }, random),
    );
    this.servers = this.#register();
    this.#assembly = this.#assemble();
    this.#door = new Door(
      {
        ...options,
        host: options.bindAddress,
        clientCaPem: `${options.clientCaPem}${options.requestHeader.caPem}`,
      },
      {
        clock,
        log,
        front: this.#front(),
        handshakeFailed: () => {
          this.#requestMetrics.handshakeFailed();
        },
        extraRoutes: deps.extraRoutes,
      },
    );
  }

  get port(): number {
    return this.#port;
  }

  #secure(): Security {
    const { clock, random, log, ...deps } = this.#deps;
    const options = this.#options;
    return createSecurity(options, {
      registry: this.#registry,
      serverId: this.#serverId,
      clock,
      random,
      log,
      types: new SchemeTypes({
        scheme: deps.scheme,
        semantics: this.#forms.semantics,
        convert,
        custom: () => this.#assembly.customResources,
        remote: () => this.#aggregator.versions,
      }),
      hookClient: this.#hooks,
      reviews: this.#forms.json,
      certificateFaults: this.#certificateFaults,
      client: this.#client,
      informers: this.#informers,
      serviceAccountKey: parseSigningKey(options.serviceAccountKeyPem),
      serviceAccountKeys: this.#accountKeys,
      tokenAuthenticators: deps.tokenAuthenticators,
      loadExpressions: () => this.#expressions.load(),
      mutatingPolicies: mutatingPolicyRefs(deps.scheme),
      features: servedFeatures(deps.scheme),
    });
  }

  local(user: UserInfo): Transport {
    const chain: Chain = (call) => {
      if (user === self) this.#requestMetrics.selfRequest(call.info);
      return this.#assembly.chain(call);
    };
    return new LocalEndpoint(user, chain, this.#counts);
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { log, clock } = this.#deps;
    const stop = new AbortController();
    const filled = Promise.withResolvers<void>();
    await using stack = new AsyncDisposableStack();
    stack.defer(await this.#security.load());
    if (this.#options.audit !== undefined) {
      const auditor = await this.#openAuditor(this.#options.audit);
      stack.defer(() => auditor.close());
      this.#auditor = auditor;
    }
    if (this.#encryption !== undefined) {
      const { file } = this.#encryption;
      stack.defer(() => file.close());
      await file.load(signal);
      stack.defer(file.follow());
    }
    const feeding = this.#assembly.run(stop.signal, filled.resolve);
    const failed = feeding.then(() => undefined);
    stack.defer(async () => {
      stop.abort(new Error("the apiserver is stopping"));
      await feeding;
    });
    await Promise.race([filled.promise, failed]);
    this.#informers.start(stop.signal);
    stack.defer(() => {
      this.#kept.destroy();
    });
    stack.defer(() => this.#door.close());
    // Others still come here until they have noticed that it isn't ready.
    stack.defer(() => this.#delay());
    this.#port = await this.#door.open();
    log.info("listening", { address: this.#options.bindAddress, port: this.#port });

    // What can't be read makes this server not ready, and is no reason not to serve the rest.
    await this.#informers.waitForSync(signal, (ref) => this.#reading.isUnreadable(ref));
    this.#steps.informersBut(this.#reading.unsynced());
    await bootstrap(this.#client, signal, servedFeatures(this.#deps.scheme));
    this.#steps.done("bootstrap");
    stack.defer(await this.#assembly.repairClaims());
    this.#steps.done("claims");
    stack.defer(await this.servers.start(this.#port, signal));
    this.#steps.done("servers");
    await this.#reading.ifReadable(() => reconcileClusterAuthentication(this.#client, this.#options, signal));
    await this.#reading.ifReadable(() => reconcileTokenTracking(this.#client, clock, signal));
    this.#steps.done("authentication");
    stack.defer(this.#startUpkeep(signal));
    const aggregating = this.#roles.run(stop.signal);
    const serving = Promise.all([this.#aggregator.run(stop.signal), this.#registration.run(stop.signal)]);
    const defining = this.#assembly.customResources.run(stop.signal);
    this.#steps.done("controllers");
    ready();
    await Promise.race([aborted(signal), failed, aggregating, serving, defining]);
    this.#isStopping = true;
  }

  #startUpkeep(signal: AbortSignal): () => Promise<void> {
    return startOwnUpkeep(
      { ...this.#options, serverId: this.#serverId, hasIdentityLease: this.#hasIdentityLease },
      {
        ...this.#deps,
        client: this.#client,
        informers: this.#informers,
        servers: this.servers,
        events: this.#assembly.installed.storage("events"),
      },
      signal,
    );
  }

  get #hasIdentityLease(): boolean {
    return isGateOn(this.#options.featureGates, "APIServerIdentity");
  }

  #openAuditor(options: NonNullable<ApiserverOptions["audit"]>): Promise<Auditor> {
    const { clock, random, log } = this.#deps;
    return openAuditor(options, {
      clock,
      random,
      log,
      read: (contentType, bytes) => this.#forms.read(contentType, bytes),
      written: (object) => this.#forms.written(object),
      metrics: this.#auditMetrics,
      certificateFaults: this.#certificateFaults,
    });
  }

  #atRest(): EncryptionAtRest | undefined {
    const { encryptionConfiguration: path } = this.#options;
    if (path === undefined) return undefined;
    const loaded = (): void => {
      this.servers.announce();
      void this.#assembly.feed.reread();
    };
    const measured = { registry: this.#registry, serverId: this.#serverId };
    return encryptionAtRest(path, { ...this.#deps, ...measured, loaded });
  }

  #register(): ServerRegister {
    const encryptionHash = (): string => this.#encryption?.file.hash ?? "";
    return new ServerRegister(
      { ...this.#options, clusterIp: this.#addresses[0]?.first ?? "" },
      {
        ...this.#deps,
        client: () => this.#client,
        encryptionHash,
        leases: (own, changed) => this.#assembly.serverLeases(own, { encryptionHash, changed }),
      },
    );
  }

  #delay(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#deps.clock.after(this.#options.shutdownDelayMs, resolve);
    return promise;
  }

  #assemble(): Assembly {
    const { deps: own, options } = { deps: this.#deps, options: this.#options };
    const { authorizer, admission, issuer, tokens } = this.#security;
    const encrypted = this.#encryption?.store;
    return new Assembly({
      ...own,
      store: new MeasuredStore(encrypted ?? own.store, {
        clock: own.clock,
        registry: this.#registry,
        groupOf: groupsByResource(own.scheme),
      }),
      registry: this.#registry,
      counts: this.#counts,
      remembersAuthors: options.remembersAuthors,
      isStale: encrypted === undefined ? undefined : (key, value) => encrypted.isStale(key, value),
      semantics: this.#forms.semantics,
      validation: new Validator(own),
      convert,
      authorizer,
      requestAuthorizer: new MeasuredAuthorizer(authorizer, { clock: own.clock, registry: this.#registry }),
      admission,
      issuer,
      tokens,
      allocation: { addresses: this.#addresses, ports: new PortRange(options.nodePorts, own.random) },
      connect: createConnect(
        { kubeletCaPem: options.kubeletCaPem, kubeletClient: options.kubeletClient },
        {
          client: () => this.#client,
          authorizer,
          admission,
          clock: own.clock,
          random: own.random,
          podLogs: new PodLogMetrics(this.#registry),
          kept: this.#kept,
        },
      ),
      probes: [...(own.probes ?? []), { name: "etcd-0", check: () => checkStore(own.store, own.clock) }],
      outside: this.#outside(),
      remote: (call) => this.#aggregator.answer(call),
      minRequestTimeoutMs: options.minRequestTimeoutMs,
      loadExpressions: () => this.#expressions.load(),
      definitionValidator: lazily(() => createDefinitionValidator(this.#forms.json, this.#expressions)),
      custom: customParts({
        ...own,
        json: this.#forms.json,
        registry: this.#registry,
        expressionTimes: this.#security.expressionTimes,
        expressions: this.#expressions,
        readYaml,
        client: () => this.#client,
        hooks: this.#hooks,
      }),
    });
  }

  #outside(): AssemblyDeps["outside"] {
    const { store } = this.#deps;
    registerFeatureGates(this.#registry, this.#options.featureGates, this.#deps.log);
    registerServerMetrics(this.#registry, {
      ...this.#deps,
      counts: this.#counts,
      stored: () => this.#assembly.stored(),
      revision: () => this.#assembly.feed.revision,
      sizeBytes: () => store.size(),
    });
    return createOutside(this.#options, {
      ...this.#deps,
      protobuf: this.#forms.protobuf,
      registry: this.#registry,
      aggregator: this.#aggregator,
      custom: () => this.#assembly.customResources,
      accountKeys: this.#accountKeys,
      checks: () => this.#checks(),
      flowDump: this.#turns.dump,
    });
  }

  #front(): Front {
    const { clock, log, random } = this.#deps;
    return new Front({
      clock,
      log,
      random,
      protobuf: this.#forms.protobuf,
      now: () => clock.now(),
      written: (object, kind) => this.#forms.written(object, kind),
      authenticator: this.#security.authenticator,
      authorizer: this.#security.authorizer,
      impersonating: filterSeries(this.#registry, "impersonation"),
      chain: (call) => this.#assembly.outerChain(call),
      metrics: this.#requestMetrics,
      auditor: () => this.#auditor,
      turns: this.#turns.turns,
      isServed: (info) =>
        this.#assembly.outerRoutes.find(info) !== undefined || this.#aggregator.publishes(info),
      isRemote: ({ group, version }) => this.#aggregator.serves({ group, version }),
      hasProtobuf: (info) => !this.#assembly.installed.routes.isCustom(info),
      loadExpressions: () => this.#expressions.load(),
      requestTimeoutMs: this.#options.requestTimeoutMs,
      serving: this.#options.serving,
    });
  }

  #checks(): readonly HealthCheck[] {
    const encryption = this.#encryption;
    return serverChecks({
      ...this.#deps,
      encryptionFault: encryption === undefined ? undefined : () => encryption.file.fault(),
      steps: this.#steps,
      unsynced: () => this.#reading.unsynced(),
      isStopping: () => this.#isStopping || this.#deps.stopping?.aborted === true,
    });
  }
}

export const apiserverKind = {
  name: "apiserver",
  complete: completeApiserverOptions,
  validate: validateApiserverOptions,
  create: (options, deps) => new ApiserverComponent(options, deps),
} satisfies ComponentKind<ApiserverOptions, ApiserverDeps>;
