/** A server: the store, the API, controllers, the scheduler, and this machine as a node. Read it from the top. */
import { dirname } from "node:path";
import { StatusError } from "#api/meta/status.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import type { Apiserver } from "#apiserver/component.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { noDescriptions, packedDescriptions } from "#apiserver/openapi/descriptions.ts";
import { aborted } from "#base/abort.ts";
import { errorText } from "#base/log.ts";
import { runInOrder, type Component } from "#base/component.ts";
import { toRfc3339 } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import { writeKubeconfig } from "#client/kubeconfig.ts";
import { createClient } from "#client/rest.ts";
import type { KeyPair } from "#pki/ca.ts";
import { Compaction } from "#store/history/compaction.ts";
import { Timeline } from "#store/history/timeline.ts";
import type { Store } from "#store/store.ts";
import { ClientCounts } from "#client/client-counts.ts";
import { tokenAuthenticatorsOf } from "./authentication/token-authenticators.ts";
import { loadServiceAccountKeys } from "./service-accounts/keys.ts";
import { openSecretsEncryption, type SecretsEncryption } from "./secrets-encryption/open.ts";
import { secretsEncryptionRoutes } from "./secrets-encryption/routes.ts";
import { SecretsKeys } from "./secrets-encryption/service.ts";
import { addressInRange, ownAddress } from "./addresses.ts";
import { buildApiserver, type ApiserverDeps } from "./build-apiserver.ts";
import { KeyFiles, kubeletClientName, type ServerCertificates } from "./certificates.ts";
import { publishClusterInfo } from "./cluster-info.ts";
import { controlPlane, controlPlaneProbes, systemUser } from "./control-plane.ts";
import { etcdListenComponent } from "./etcd-listen/component.ts";
import type { Host } from "./host.ts";
import { loadNodePassword } from "./join/client.ts";
import { checkNodePassword, JoinServer } from "./join/server.ts";
import { lockDirectory } from "./lock.ts";
import { ensureNodeAccess } from "./node-access.ts";
import { serverIdentity } from "./elected.ts";
import { nodeComponents } from "./node-components.ts";
import { openState, type State } from "./open-state.ts";
import type { ServerOptions } from "./options.ts";
import { agentPaths, serverPaths } from "./paths.ts";
import { loopComponent, stepComponent } from "./plain-components.ts";
import { joinRoutes } from "./join/routes.ts";
import { sealIdentity } from "./snapshots/identity.ts";
import { snapshotRoutes } from "./snapshots/routes.ts";
import { snapshotSchedule } from "./snapshots/schedule.ts";
import { SnapshotService } from "./snapshots/service.ts";
import { timelineRoutes } from "./timeline-routes.ts";
import { loadTokens, type ServerTokens } from "./tokens.ts";

/** One component may take this long to stop. */
const stopMaxMs = 20_000;
const servingDays = 365;

/** Runs until the host's signal aborts. */
export async function runServer(options: ServerOptions, host: Host): Promise<void> {
  const { log, clock } = host;
  log.info("mini-k8s server starts", {
    version: host.version,
    kubernetes: host.kubernetesVersion,
    dataDir: options.dataDir,
  });
  await using stack = new AsyncDisposableStack();
  const paths = serverPaths(options.dataDir);
  stack.use(await lockDirectory(paths.lock));
  const nodeIp = options.nodeIp ?? (await ownAddress());
  const address = options.advertiseAddress ?? nodeIp;
  const names = servingNames(options, [address, nodeIp]);
  const { store, keyValues, certificates, token } = await openState(
    options,
    { directory: paths.tls, ...names },
    host,
  );
  stack.defer(() => store.close());
  const server = await createServer(options, { host, store, certificates, address, token });
  const identity = await serverIdentity(paths.identity, options.nodeName, host.random);
  const components: Component[] = [
    server.encryption.component,
    server.apiserver,
    ...etcdApi(options, { keyValues, certificates }, host),
    stepComponent("node access", async () => {
      await ensureNodeAccess(server.admin);
      if (!options.disableAgent) await takeNodeName(options, server, host);
    }),
    ...controlPlane(options, { server, identity }, host),
    ...(options.disableAgent ? [] : await ownNode(options, { server, certificates, nodeIp }, host)),
    stepComponent("kubeconfig", () => announce(options, { server, certificates }, host)),
    ...upkeep(options, server, host),
    clusterInfoComponent(`https://${inUrl(address)}:${options.httpsListenPort}`, server, host),
  ];
  await runInOrder(components, host.signal, {
    clock,
    stopMaxMs: stopMaxMs + options.requests.shutdownDelayMs + options.requests.serving.watchGraceMs,
    onReady: (component, ms) => {
      log.debug("component ready", { name: component, ms });
    },
  });
  log.info("stopped");
}

/** --etcd-listen */
function etcdApi(
  { etcdListen, nodeName, dataDir }: ServerOptions,
  { keyValues, certificates }: Pick<State, "keyValues" | "certificates">,
  host: Host,
): Component[] {
  if (etcdListen === undefined || keyValues === undefined) return [];
  const clusterSeed = certificates.serverCa.certificatePem;
  const spoolFolder = dirname(serverPaths(dataDir).database);
  const input = { store: keyValues, name: nodeName, clusterSeed, spoolFolder };
  return [etcdListenComponent(etcdListen, input, host)];
}

const inUrl = (ip: string): string => (ip.includes(":") ? `[${ip}]` : ip);
const isAddress = (name: string): boolean => /^[\d.]+$|:/.test(name);

/** Every name that clients may call the API by. */
function servingNames(
  options: ServerOptions,
  addresses: readonly string[],
): { dnsNames: string[]; ipAddresses: string[] } {
  const domain = options.clusterDomain;
  const names = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    `kubernetes.default.svc.${domain}`,
  ];
  const apiService = addressInRange(options.serviceCidr, 1) ?? "";
  const ips = ["127.0.0.1", apiService, ...addresses, ...options.tlsSan.filter(isAddress)];
  return {
    dnsNames: [
      ...new Set([
        ...names,
        "localhost",
        options.nodeName,
        ...options.tlsSan.filter((name) => !isAddress(name)),
      ]),
    ],
    ipAddresses: [...new Set(ips)],
  };
}

interface ServerParts extends Omit<State, "keyValues"> {
  readonly host: Host;
  readonly address: string;
}

interface Server {
  readonly apiserver: Apiserver;
  readonly encryption: SecretsEncryption;
  /** All powers. */
  readonly admin: Client;
  readonly clientOf: (user: UserInfo) => Client;
  /** Of all clients in this process. */
  readonly counts: ClientCounts;
  readonly rootCaPem: string;
  readonly serviceAccountKeyPem: string;
  readonly signing: { readonly clientCa: KeyPair; readonly serverCa: KeyPair };
  readonly snapshotService: SnapshotService;
  readonly store: Store;
  readonly timeline: Timeline;
}

async function createServer(
  options: ServerOptions,
  { host, store, certificates, address, token }: ServerParts,
): Promise<Server> {
  const { clock, random, log, assets } = host;
  const tokenInput = {
    token,
    agentToken: options.agentToken,
    caPem: certificates.serverCa.certificatePem,
    paths: serverPaths(options.dataDir),
  };
  const tokens = await loadTokens(tokenInput, random);
  const tokenAuthenticators = await tokenAuthenticatorsOf(options, host);
  // Made before the client that it uses: joining starts when the server serves.
  const timeline = new Timeline({ store, clock, log: log.child({ component: "store" }) });
  const late: { join?: JoinServer; snapshots?: SnapshotService; keys?: SecretsKeys } = {};
  const encryption = await openSecretsEncryption(options, tokens.serverPassword, {
    store,
    clock,
    random,
    log: log.child({ component: "encryption" }),
  });
  const accounts = await loadServiceAccountKeys(options.serviceAccounts, certificates.serviceAccountKeyPem);
  const counts = new ClientCounts();
  const apiserver = await buildApiserver(
    options,
    { certificates, accounts, address, encryptionConfiguration: encryption.configuration },
    {
      store,
      clock,
      random,
      log: log.child({ component: "apiserver" }),
      scheme: createScheme(options.serves),
      table: createTypeTable(),
      version: versionOf(host),
      descriptions:
        assets.descriptions === undefined ? noDescriptions : packedDescriptions(assets.descriptions()),
      loadExpressions: host.loadExpressions,
      stopping: host.signal,
      counts,
      probes: controlPlaneProbes(options),
      tokenAuthenticators,
      extraRoutes: (app, front) => {
        joinRoutes(() => late.join)(app);
        snapshotRoutes(() => late.snapshots)(app, front);
        secretsEncryptionRoutes(() => late.keys)(app, front);
        timelineRoutes({ store, timeline })(app, front);
      },
    },
  );
  const clientOf = (user: UserInfo): Client => createClient(apiserver.local(user), { clock, counts });
  const admin = clientOf({ name: "system:admin", groups: ["system:masters", "system:authenticated"] });
  late.join = new JoinServer(options, {
    certificates,
    tokens,
    client: admin,
    random,
    log: log.child({ component: "join" }),
  });
  const snapshotService = createSnapshotService(options, { store, tokens }, host);
  late.snapshots = snapshotService;
  const { keeper } = encryption;
  late.keys = new SecretsKeys({ keeper, servers: apiserver.servers, clock, random });
  const { clientCa, serverCa } = certificates;
  const keys = {
    rootCaPem: serverCa.certificatePem,
    serviceAccountKeyPem: accounts.serviceAccountKeyPem,
    signing: { clientCa, serverCa },
  };
  return { apiserver, encryption, admin, clientOf, counts, ...keys, snapshotService, store, timeline };
}

const versionOf = ({ kubernetesVersion, clock }: Host): ApiserverDeps["version"] => ({
  gitVersion: kubernetesVersion,
  gitCommit: "",
  buildDate: toRfc3339(clock.now()),
  platform: `linux/${process.arch === "x64" ? "amd64" : process.arch}`,
});

function createSnapshotService(
  { snapshots, nodeName, dataDir }: ServerOptions,
  { store, tokens }: { readonly store: Store; readonly tokens: ServerTokens },
  { clock, random, log, version }: Host,
): SnapshotService {
  return new SnapshotService(
    { ...snapshots, node: nodeName, version },
    {
      store,
      clock,
      log: log.child({ component: "snapshots" }),
      identity: () => sealIdentity(serverPaths(dataDir), tokens.serverPassword, random),
    },
  );
}

/** What the store wants done from time to time. */
function upkeep(
  { snapshots, compaction }: ServerOptions,
  { snapshotService: service, timeline, store }: Server,
  { clock, log: parent }: Host,
): Component[] {
  const log = parent.child({ component: "store" });
  const compacting = new Compaction(compaction, { store, clock, log });
  return [
    loopComponent("timeline", (signal) => timeline.run(signal)),
    loopComponent("compaction", (signal) => compacting.run(signal)),
    ...(snapshots.schedule === undefined ? [] : [snapshotSchedule(snapshots.schedule, { service, clock })]),
  ];
}

/** What anybody may know of the cluster. A store that takes no more is no reason to stop. */
function clusterInfoComponent(
  address: string,
  { admin, rootCaPem: caPem }: Server,
  { log }: Host,
): Component {
  return loopComponent("cluster-info", async (signal) => {
    try {
      await publishClusterInfo(admin, { server: address, caPem });
    } catch (error) {
      log.warn("cluster-info not published", { reason: errorText(error) });
    }
    await aborted(signal);
  });
}

/** This machine as a node: within the process, with a node's own rights. */
async function ownNode(
  options: ServerOptions,
  { server, certificates, nodeIp }: OwnNode,
  host: Host,
): Promise<Component[]> {
  const { nodeName, clusterCidr, clusterDns, clusterDomain } = options;
  const files = new KeyFiles(agentPaths(options.dataDir).tls, host);
  const kubeletServing = await files.leaf("serving-kubelet", certificates.serverCa, {
    commonName: `system:node:${nodeName}`,
    organizations: ["system:nodes"],
    dnsNames: [nodeName, "localhost"],
    ipAddresses: [...new Set([nodeIp, "127.0.0.1"])],
    usage: "server",
    days: servingDays,
  });
  const nodeUser = { name: `system:node:${nodeName}`, groups: ["system:nodes", "system:authenticated"] };
  const clientCaPem = certificates.clientCa.certificatePem;
  const parts = {
    nodeIp,
    cluster: { clusterCidr, clusterDns, clusterDomain, clientCaPem, kubeletClientName },
    nodeClient: server.clientOf(nodeUser),
    networkClient: server.clientOf(systemUser("system:kube-proxy")),
    kubeletServing,
  };
  return nodeComponents(options, parts, host);
}

/** This machine's own node has its name as a joined one has: another machine can't join under it. */
async function takeNodeName(options: ServerOptions, { admin }: Server, { random, log }: Host): Promise<void> {
  const password = await loadNodePassword(agentPaths(options.dataDir).nodePassword, random);
  try {
    await checkNodePassword(options.nodeName, password, { client: admin, random });
  } catch (error) {
    // Who can't read it can't let another machine have the name, either.
    if (!(error instanceof StatusError && error.code === 500)) throw error;
    log.warn("the node's password can't be read", { node: options.nodeName, reason: error.message });
  }
}

interface OwnNode {
  readonly server: Server;
  readonly certificates: ServerCertificates;
  readonly nodeIp: string;
}

/** The last step: from here on the user has a cluster. */
async function announce(
  options: ServerOptions,
  { server, certificates }: Omit<OwnNode, "nodeIp">,
  host: Host,
): Promise<void> {
  const path = options.writeKubeconfig;
  const parts = {
    name: options.contextName,
    server: `https://127.0.0.1:${server.apiserver.port}`,
    certificateAuthority: certificates.serverCa.certificatePem,
    certificate: { cert: certificates.admin.certificatePem, key: certificates.admin.keyPem },
  };
  await writeKubeconfig(path, parts, options.writeKubeconfigMode);
  await writeKubeconfig(serverPaths(options.dataDir).adminKubeconfig, parts);
  // The clock of measuring starts with the process.
  const ms = Math.round(host.clock.monotonic());
  host.say(`kubeconfig: ${path}\n\n  export KUBECONFIG=${path}\n\nready in ${ms} ms\n`);
}
