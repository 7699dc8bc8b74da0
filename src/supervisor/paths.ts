/** Where things lie in a data directory. The layout is k3s's. */
import { createHash } from "node:crypto";
import { join } from "node:path";

export interface ServerPaths {
  readonly lock: string;
  readonly database: string;
  readonly tls: string;
  readonly token: string;
  readonly agentToken: string;
  /** Keys of --secrets-encryption. */
  readonly encryption: string;
  /** Tells this server from others of the cluster. */
  readonly identity: string;
  /** For this program's own commands on this machine: where the server listens, with all powers. */
  readonly adminKubeconfig: string;
  readonly snapshots: string;
}

export function serverPaths(dataDir: string): ServerPaths {
  const server = join(dataDir, "server");
  return {
    lock: join(server, "lock"),
    database: join(server, "db", "state.db"),
    tls: join(server, "tls"),
    token: join(server, "token"),
    agentToken: join(server, "agent-token"),
    encryption: join(server, "cred", "encryption-config.json"),
    identity: join(server, "identity"),
    adminKubeconfig: join(server, "cred", "admin.kubeconfig"),
    snapshots: join(server, "db", "snapshots"),
  };
}

export interface AgentPaths {
  /** The kubelet's pods and volumes. */
  readonly kubelet: string;
  /** Image tars that are imported at start. */
  readonly images: string;
  readonly runc: string;
  readonly podLogs: string;
  readonly tls: string;
  readonly serverCa: string;
  /** URLs of the cluster's servers, one a line. */
  readonly servers: string;
  readonly clientCa: string;
  /** Proves that this machine is the one that first took the node's name. */
  readonly nodePassword: string;
}

export function agentPaths(dataDir: string): AgentPaths {
  const agent = join(dataDir, "agent");
  return {
    kubelet: join(agent, "kubelet"),
    images: join(agent, "images"),
    runc: join(dataDir, "bin", "runc"),
    podLogs: join(agent, "logs", "pods"),
    tls: agent,
    serverCa: join(agent, "server-ca.crt"),
    servers: join(agent, "servers"),
    clientCa: join(agent, "client-ca.crt"),
    nodePassword: join(agent, "node-password"),
  };
}

/**
 * What a reboot forgets: sockets, namespaces, the containers' state. The machine's own installation has the plain
 * name, others one of their data directory, so that two never meet.
 */
export function runtimeStateDir(dataDir: string): string {
  if (dataDir === "/var/lib/mini-k8s") return "/run/mini-k8s";
  return `/run/mini-k8s-${createHash("sha256").update(dataDir).digest("hex").slice(0, 8)}`;
}
