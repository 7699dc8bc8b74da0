/**
 * A plan as an nftables table. Two kinds of named maps and one chain per number of backends, however many services
 * there are: a change is a few elements, and 10,000 services load in a third of a second
 * (a chain per service takes quadratic time in the kernel).
 */
import type { Backend, Frontend, ProxyPlan } from "../plan.ts";

export const tableName = "mini-k8s-proxy";
/** Packets with this mark get this node's address as source. The bit is upstream's. */
const masqueradeMark = "0x4000";

/** What the kernel holds of us, as text by name. Comparing two of them gives the change. */
export interface Ruleset {
  /** Name → declaration (without elements). */
  readonly sets: ReadonlyMap<string, string>;
  readonly maps: ReadonlyMap<string, string>;
  /** "set or map name" → key → value ("" in a set). */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Name → lines: the hook of a base chain first. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
}

export interface RulesetOptions {
  readonly clusterCidr: string;
}

const serviceKey = "ip daddr . meta l4proto . th dport";
const nodePortKey = "meta l4proto . th dport";

class Builder {
  readonly sets = new Map<string, string>();
  readonly maps = new Map<string, string>();
  readonly elements = new Map<string, Map<string, string>>();
  readonly chains = new Map<string, readonly string[]>();

  set(name: string, declaration: string): void {
    this.sets.set(name, declaration);
    this.elements.set(name, new Map());
  }

  map(name: string, declaration: string): void {
    this.maps.set(name, declaration);
    this.elements.set(name, new Map());
  }

  add(name: string, key: string, value = ""): void {
    this.elements.get(name)?.set(key, value);
  }

  chain(name: string, lines: readonly string[]): void {
    this.chains.set(name, lines);
  }
}

export function rulesetOf(plan: ProxyPlan, options: RulesetOptions): Ruleset {
  const builder = new Builder();
  frame(builder, options);
  for (const ip of plan.clusterIps) builder.add("cluster-ips", ip);
  for (const frontend of plan.frontends) addFrontend(builder, frontend);
  return builder;
}

function frame(builder: Builder, { clusterCidr }: RulesetOptions): void {
  builder.map("services", `typeof ${serviceKey} : verdict;`);
  builder.map("nodeports", `typeof ${nodePortKey} : verdict;`);
  builder.map("empty-services", `typeof ${serviceKey} : verdict;`);
  builder.map("empty-nodeports", `typeof ${nodePortKey} : verdict;`);
  builder.set("cluster-ips", "type ipv4_addr;");
  builder.set("hairpin", "typeof ip saddr . ip daddr;");
  builder.chain("refuse", ["reject"]);
  builder.chain("ignore", ["drop"]);
  const dispatch = [`${serviceKey} vmap @services`, `fib daddr type local ${nodePortKey} vmap @nodeports`];
  builder.chain("dispatch", dispatch);
  builder.chain("prerouting", ["type nat hook prerouting priority -100; policy accept;", "jump dispatch"]);
  builder.chain("output", ["type nat hook output priority -100; policy accept;", "jump dispatch"]);
  const check = [
    `ct state new ${serviceKey} vmap @empty-services`,
    `ct state new fib daddr type local ${nodePortKey} vmap @empty-nodeports`,
  ];
  builder.chain("check", check);
  builder.chain("early-prerouting", [
    "type filter hook prerouting priority -110; policy accept;",
    "jump check",
  ]);
  builder.chain("early-output", ["type filter hook output priority -110; policy accept;", "jump check"]);
  // Still on its way to a service address after translation: a port that the service doesn't have.
  const unknownPort = "ct state new ip daddr @cluster-ips reject";
  builder.chain("late-forward", ["type filter hook forward priority 0; policy accept;", unknownPort]);
  builder.chain("late-output", ["type filter hook output priority 0; policy accept;", unknownPort]);
  builder.chain("masq-all", [`meta mark set meta mark or ${masqueradeMark}`]);
  builder.chain("masq-outside", [`ip saddr != ${clusterCidr} meta mark set meta mark or ${masqueradeMark}`]);
  builder.chain("postrouting", [
    "type nat hook postrouting priority 100; policy accept;",
    "ct status dnat ip saddr . ip daddr @hairpin masquerade fully-random",
    `meta mark & ${masqueradeMark} == ${masqueradeMark} meta mark set meta mark xor ${masqueradeMark} masquerade fully-random`,
  ]);
}

const marker = { always: "masq-all", outside: "masq-outside", never: undefined } as const;

function addFrontend(builder: Builder, frontend: Frontend): void {
  const { ip, protocol, port, backends } = frontend;
  const key = ip === undefined ? `${protocol} . ${port}` : `${ip} . ${protocol} . ${port}`;
  if (backends.length === 0) {
    const verdict = frontend.whenEmpty === "reject" ? "goto refuse" : "goto ignore";
    builder.add(ip === undefined ? "empty-nodeports" : "empty-services", key, verdict);
    return;
  }
  for (const backend of backends) builder.add("hairpin", `${backend.ip} . ${backend.ip}`);
  const chain =
    frontend.affinitySeconds > 0 ? stickyChain(builder, frontend) : balancingChain(builder, frontend, key);
  builder.add(ip === undefined ? "nodeports" : "services", key, `goto ${chain}`);
}

/** The chain for this number of backends, and this frontend's backends in its map. */
function balancingChain(builder: Builder, frontend: Frontend, key: string): string {
  const { ip, backends, masquerade } = frontend;
  const count = backends.length;
  const kind = ip === undefined ? "node" : "cluster";
  const match = ip === undefined ? nodePortKey : serviceKey;
  // The chain's own map: nft 1.0.6 refuses a new rule that names a map with elements from before.
  const name = `${kind}-${masquerade}-${count}`;
  if (!builder.maps.has(name)) {
    builder.map(name, `typeof numgen random mod ${count} . ${match} : ip daddr . th dport;`);
  }
  const mark = marker[masquerade];
  builder.chain(name, [
    ...(mark === undefined ? [] : [`jump ${mark}`]),
    `meta l4proto { tcp, udp } dnat ip addr . port to numgen random mod ${count} . ${match} map @${name}`,
  ]);
  for (const [index, backend] of backends.entries()) {
    builder.add(name, `${index} . ${key}`, `${backend.ip} . ${backend.port}`);
  }
  return name;
}

/**
 * Chains of its own, and a set of clients for each backend: a known client goes where it went before, a new one is
 * noted down with its choice. All are named after the backend, so that one that goes takes its clients' memory along
 * and leaves that of the others alone. upstream: pkg/proxy/nftables/proxier.go
 */
function stickyChain(builder: Builder, frontend: Frontend): string {
  const { ip, protocol, port, backends, masquerade, affinitySeconds } = frontend;
  const name = `sticky-${ip ?? "node"}-${protocol}-${port}`.replaceAll(".", "_");
  const mark = marker[masquerade];
  const chainOf = (backend: Backend): string => `${name}-${backend.ip.replaceAll(".", "_")}-${backend.port}`;
  const choices = backends.map((backend, index) => `${index} : goto ${chainOf(backend)}`);
  builder.chain(name, [
    ...(mark === undefined ? [] : [`jump ${mark}`]),
    ...backends.map((backend) => `ip saddr @${chainOf(backend)} goto ${chainOf(backend)}`),
    `numgen random mod ${backends.length} vmap { ${choices.join(", ")} }`,
  ]);
  for (const backend of backends) {
    const own = chainOf(backend);
    builder.set(own, "type ipv4_addr; flags dynamic, timeout;");
    builder.chain(own, [
      `update @${own} { ip saddr timeout ${affinitySeconds}s }`,
      `meta l4proto ${protocol} dnat to ${backend.ip}:${backend.port}`,
    ]);
  }
  return name;
}
