import type { SandboxConfig } from "./runtime.ts";

/** A pod's /etc/resolv.conf; empty where there is nothing to say: the image's own must not shine through. */
export function resolvConf(dns: SandboxConfig["dns"]): string {
  if (dns === undefined) return "";
  const lines = dns.searches.length > 0 ? [`search ${dns.searches.join(" ")}`] : [];
  for (const server of dns.servers) lines.push(`nameserver ${server}`);
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(" ")}`);
  return lines.map((line) => `${line}\n`).join("");
}
