/** An agent: joins a server with a token and makes this machine a node. */
import { Backoff } from "#base/backoff.ts";
import { runInOrder, type Component } from "#base/component.ts";
import { errorText } from "#base/log.ts";
import { aborted, isAbortError } from "#base/abort.ts";
import type { Client } from "#client/client.ts";
import { ServerList } from "#client/failover.ts";
import { fixedIdentity } from "#client/identity.ts";
import { createClient } from "#client/rest.ts";
import { createTlsTransport } from "#client/transport.ts";
import type { KeyPair } from "#pki/ca.ts";
import { ownAddress } from "./addresses.ts";
import type { Host } from "./host.ts";
import { joinCluster, JoinError, type Joined } from "./join/client.ts";
import { lockDirectory } from "./lock.ts";
import { nodeComponents } from "./node-components.ts";
import type { AgentOptions } from "./options.ts";
import { agentPaths, serverPaths } from "./paths.ts";
import { keptServers, serversComponent } from "./servers.ts";
import { givenToken } from "./tokens.ts";

const stopMaxMs = 20_000;
const retry = { initialMs: 500, maxMs: 15_000, factor: 2, jitter: 0.2 };

/** Runs until the host's signal aborts. A server that can't be reached is waited for; one that refuses ends it. */
export async function runAgent(options: AgentOptions, host: Host): Promise<void> {
  const { log, clock } = host;
  log.info("mini-k8s agent starts", {
    version: host.version,
    server: options.server,
    dataDir: options.dataDir,
  });
  await using stack = new AsyncDisposableStack();
  stack.use(await lockDirectory(serverPaths(options.dataDir).lock));
  const nodeIp = options.nodeIp ?? (await ownAddress());
  const { servers: serversPath } = agentPaths(options.dataDir);
  const servers = new ServerList(options.server, { ...host, log: log.child({ component: "client" }) });
  servers.set(await keptServers(serversPath));
  const joined = await joinWithRetry(options, { nodeIp, servers }, host);
  if (joined === undefined) return;
  log.info("joined", { server: servers.current, node: options.nodeName });
  const { answer } = joined;
  /** Under upstream's name of the program: managed fields are noted under it. */
  const clientWith = (pair: KeyPair, program: string): Client => {
    const transport = createTlsTransport(
      {
        server: options.server,
        certificateAuthority: joined.serverCa,
        userAgent: `${program}/${host.version}`,
      },
      {
        identity: fixedIdentity({ certificate: { cert: pair.certificatePem, key: pair.keyPem } }),
        clock,
        log: log.child({ component: "client" }),
        servers,
      },
    );
    stack.defer(() => transport.close());
    return createClient(transport, { clock });
  };
  const networkClient = clientWith(joined.proxyClient, "kube-proxy");
  const components = await nodeComponents(
    options,
    {
      nodeIp,
      cluster: { ...answer, clientCaPem: answer.clientCa },
      nodeClient: clientWith(joined.kubeletClient, "kubelet"),
      networkClient,
      kubeletServing: joined.kubeletServing,
    },
    host,
  );
  const following = serversComponent(serversPath, { ...host, client: networkClient, list: servers });
  await runInOrder([following, ...components, announcement(host)], host.signal, {
    clock,
    stopMaxMs,
    onReady: (component, ms) => {
      log.debug("component ready", { name: component, ms });
    },
  });
  log.info("stopped");
}

function announcement({ say, clock }: Host): Component {
  return {
    name: "announcement",
    run: async (signal, ready) => {
      say(`ready in ${Math.round(clock.monotonic())} ms\n`);
      ready();
      await aborted(signal);
    },
  };
}

async function joinWithRetry(
  options: AgentOptions,
  { nodeIp, servers }: { readonly nodeIp: string; readonly servers: ServerList },
  host: Host,
): Promise<Joined | undefined> {
  const token = await givenToken(options);
  const input = {
    token: token ?? "",
    nodeName: options.nodeName,
    nodeIp,
    paths: agentPaths(options.dataDir),
  };
  const backoff = new Backoff(retry, host.random);
  for (;;) {
    const server = servers.current;
    try {
      return await joinCluster({ ...input, server }, host.random, host.signal);
    } catch (error) {
      if (isAbortError(error, host.signal) || host.signal.aborted) return undefined;
      if (!(error instanceof JoinError) || !error.mayRetry) throw error;
      servers.failed(server);
      const waitMs = Math.round(backoff.next());
      host.log.warn("server not reached, will try again", {
        server,
        error: errorText(error),
        waitMs,
      });
      try {
        await host.clock.sleep(waitMs, host.signal);
      } catch {
        return undefined;
      }
    }
  }
}
