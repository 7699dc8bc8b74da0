/**
 * A whole apiserver in this process, over a store in memory: the real registry, semantics and watches.
 * Only tests import it. Every user may do everything unless `authorizer` says otherwise.
 */
import { JsonDecoder } from "#api/codec/json.ts";
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import type { YamlReading } from "#api/codec/yaml.ts";
import { createScheme } from "#api/scheme.ts";
import { convert } from "#api/conversion.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { Validator } from "#api/validation.ts";
import type { Admission } from "#apiserver/admission/admission.ts";
import type { ComponentProbe } from "#apiserver/registry/component-statuses.ts";
import { AddressRange } from "#apiserver/registry/core/services/address-range.ts";
import { PortRange } from "#apiserver/registry/core/services/port-range.ts";
import { Assembly, type AssemblyDeps } from "#apiserver/assembly.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import { TableSemantics } from "#apiserver/request/type-semantics.ts";
import { systemClock, type Clock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom, type Random } from "#base/random.ts";
import { Registry } from "prom-client";
import { HookClient } from "#apiserver/connect/hook-client.ts";
import { createExpressions } from "#api/expressions.ts";
import { createDefinitionValidator, customParts } from "#apiserver/crd/parts.ts";
import { ExpressionMetrics } from "#apiserver/metrics/expression-metrics.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import type { Client, Transport } from "#client/client.ts";
import { createClient } from "#client/rest.ts";
import { openMemoryStore } from "#store/memory.ts";
import type { Store } from "#store/store.ts";

export interface TestApiserverOptions {
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly authorizer?: Authorizer | undefined;
  readonly admission?: Admission | undefined;
  readonly remembersAuthors?: boolean | undefined;
  /** Where Services' addresses come from, the default family first. */
  readonly serviceCidrs?: readonly string[] | undefined;
  readonly probes?: readonly ComponentProbe[] | undefined;
  /** Takes what is counted; without, nothing is. */
  readonly registry?: Registry | undefined;
  /** Another server's; then it isn't closed with this one. */
  readonly store?: Store | undefined;
  readonly counts?: ClientCounts | undefined;
}

export interface TestApiserver extends AsyncDisposable {
  /** A client under that name; a cluster administrator when none is given. */
  client(user?: string | UserInfo): Client;
  transport(user?: string | UserInfo): Transport;
  readonly store: Store;
  /** Begins to keep claims of addresses and ports in order; returns what stops it. */
  repairClaims(): Promise<() => Promise<void>>;
  /** Forgets every state but the present one. */
  compact(): Promise<void>;
  close(): Promise<void>;
}

const everythingAllowed: Authorizer = {
  authorize: () => ({ allowed: true, denied: false, reason: "" }),
  rulesFor: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
};

const noAdmission: Admission = {
  admit: () => Promise.resolve(),
  validate: () => Promise.resolve(),
};

/** The ranges of a real cluster; tokens nobody checks; no kubelets to connect to. */
const testParts = (
  random: Random,
  { serviceCidrs = ["10.43.0.0/16"], probes = [] }: TestApiserverOptions,
): Pick<AssemblyDeps, "allocation" | "issuer" | "connect" | "probes" | "tokens"> => ({
  allocation: {
    addresses: serviceCidrs.map((cidr) => new AddressRange({ cidr }, random)),
    ports: new PortRange({ first: 30_000, last: 32_767 }, random),
  },
  issuer: {
    issue: async (account, request, hooks) => {
      await hooks.validate(request);
      hooks.issued("test-token-id");
      return {
        ...request,
        status: {
          token: `test-token-of-${account.metadata?.namespace ?? ""}-${account.metadata?.name ?? ""}`,
          expirationTimestamp: "2036-01-01T00:00:00Z",
        },
      };
    },
  },
  connect: { pods: {}, nodes: {}, services: {} },
  probes,
  tokens: { review: () => Promise.resolve(undefined) },
});

const loaded = createExpressions();
const expressions = { loaded, load: () => Promise.resolve(loaded) };
const jsonAsYaml = (bytes: Buffer): YamlReading => ({
  value: JSON.parse(bytes.toString("utf8")),
  strictFaults: [],
});

/** Serves when it resolves. */
export async function startTestApiserver(options: TestApiserverOptions = {}): Promise<TestApiserver> {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const scheme = createScheme();
  const table = createTypeTable();
  const store = options.store ?? openMemoryStore({ clock, log: silentLogger });
  const json = new JsonDecoder(table);
  const own: UserInfo = { name: "system:apiserver", groups: ["system:masters"] };
  const assembly: Assembly = new Assembly({
    ...options,
    store,
    clock,
    random,
    log: silentLogger,
    scheme,
    semantics: new TableSemantics({
      scheme,
      table,
      json,
      protobuf: new ProtobufCodec(table, scheme),
      readYaml: jsonAsYaml,
    }),
    loadExpressions: () => expressions.load(),
    definitionValidator: () => createDefinitionValidator(json, expressions),
    custom: customParts({
      json,
      table,
      expressions,
      readYaml: jsonAsYaml,
      client: () => createClient(assembly.local(own), { clock }),
      hooks: new HookClient({
        resolver: { resolve: () => Promise.reject(new Error("no services here")) },
        clock,
      }),
      random,
      clock,
      registry: new Registry(),
      expressionTimes: new ExpressionMetrics(new Registry()),
    }),
    validation: new Validator({ scheme, table }),
    convert,
    ...testParts(random, options),
    authorizer: options.authorizer ?? everythingAllowed,
    admission: options.admission ?? noAdmission,
    outside: () => Promise.resolve(undefined),
    minRequestTimeoutMs: 1_800_000,
    counts: options.counts,
  });
  const stop = new AbortController();
  const filled = Promise.withResolvers<void>();
  const running = assembly.run(stop.signal, filled.resolve);
  await Promise.race([filled.promise, running]);
  const defining = assembly.customResources.run(stop.signal);
  const close = async (): Promise<void> => {
    stop.abort();
    await Promise.all([running, defining]);
    if (options.store === undefined) await store.close();
  };
  const transport = (user: string | UserInfo = "admin"): Transport =>
    assembly.local(typeof user === "string" ? { name: user, groups: ["system:masters"] } : user);
  return {
    transport,
    store,
    repairClaims: () => assembly.repairClaims(),
    compact: () => store.compact(store.revision),
    client: (user) => createClient(transport(user)),
    close,
    [Symbol.asyncDispose]: close,
  };
}
