/** nftables rules of the pod network: pods leave the cluster under the node's address, and host ports lead in. Pure. */
import type { Lease } from "./leases.ts";

export const tableName = "mini-k8s-network";
const table = `ip ${tableName}`;

export const removeTableScript = `add table ${table}\ndelete table ${table}\n`;

/** Replaces the whole table: it is a handful of lines. */
export function firewallScript(clusterCidr: string, leases: readonly Lease[]): string {
  const ports = leases.flatMap(({ ip, hostPorts }) => hostPorts.map((port) => ({ ip, ...port })));
  const anywhere = ports
    .filter(({ hostIP }) => isAny(hostIP))
    .map((port) => `${port.protocol.toLowerCase()} . ${port.hostPort} : ${port.ip} . ${port.containerPort}`);
  const bound = ports
    .filter(({ hostIP }) => !isAny(hostIP))
    .map(
      (port) =>
        `${port.hostIP} . ${port.protocol.toLowerCase()} . ${port.hostPort} : ${port.ip} . ${port.containerPort}`,
    );
  const hairpin = [...new Set(ports.map(({ ip }) => `${ip} . ${ip}`))];
  const forward = [
    "meta l4proto { tcp, udp } dnat ip addr . port to ip daddr . meta l4proto . th dport map @bound-ports",
    "fib daddr type local meta l4proto { tcp, udp } dnat ip addr . port to meta l4proto . th dport map @host-ports",
  ];
  return [
    removeTableScript,
    `table ${table} {`,
    `  map host-ports { typeof meta l4proto . th dport : ip daddr . th dport;${elements(anywhere)} }`,
    `  map bound-ports { typeof ip daddr . meta l4proto . th dport : ip daddr . th dport;${elements(bound)} }`,
    `  set hairpin { typeof ip saddr . ip daddr;${elements(hairpin)} }`,
    "  chain prerouting {",
    "    type nat hook prerouting priority -90; policy accept;",
    ...forward.map((rule) => `    ${rule}`),
    "  }",
    "  chain output {",
    "    type nat hook output priority -90; policy accept;",
    ...forward.map((rule) => `    ${rule}`),
    "  }",
    "  chain postrouting {",
    "    type nat hook postrouting priority 110; policy accept;",
    "    ct status dnat ip saddr . ip daddr @hairpin masquerade fully-random",
    '    ct status dnat ip saddr 127.0.0.0/8 oifname != "lo" masquerade fully-random',
    `    ip saddr ${clusterCidr} ip daddr != ${clusterCidr} ip daddr != 224.0.0.0/4 masquerade fully-random`,
    "  }",
    "}",
    "",
  ].join("\n");
}

const isAny = (hostIP: string): boolean => hostIP === "" || hostIP === "0.0.0.0";

const elements = (list: readonly string[]): string =>
  list.length === 0 ? "" : ` elements = { ${list.join(", ")} };`;
