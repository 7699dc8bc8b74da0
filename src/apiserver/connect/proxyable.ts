/**
 * Where requests may be passed on to: not to this machine itself, nor to what only it can reach. Otherwise whoever may
 * write where a pod or a node is could have the server ask itself. upstream: apimachinery/pkg/util/proxy (IsProxyableIP)
 */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { badRequestError, serviceUnavailableError } from "#api/meta/status.ts";

const notGlobal = new BlockList();
notGlobal.addAddress("0.0.0.0");
notGlobal.addAddress("255.255.255.255");
notGlobal.addSubnet("127.0.0.0", 8);
notGlobal.addSubnet("169.254.0.0", 16);
notGlobal.addSubnet("224.0.0.0", 4);
notGlobal.addAddress("::", "ipv6");
notGlobal.addAddress("::1", "ipv6");
notGlobal.addSubnet("fe80::", 10, "ipv6");
notGlobal.addSubnet("ff00::", 8, "ipv6");

function isGlobalUnicast(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !notGlobal.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** Throws 400. */
export function assertProxyable(address: string): void {
  if (!isGlobalUnicast(address)) throw badRequestError("address not allowed");
}

/** `host`: an address or a name. Throws 400 for a name that leads nowhere, or also to what isn't allowed. */
export async function assertProxyableHost(host: string): Promise<void> {
  if (isIP(host) !== 0) {
    assertProxyable(host);
    return;
  }
  const found = await lookup(host, { all: true }).catch((error: unknown) => {
    throw badRequestError(`lookup ${host}: no such host`, { cause: error });
  });
  for (const { address } of found) assertProxyable(address);
}

/** Of the names that Go knows without a file of services those that are spoken by way of a proxy. */
const namedPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

const unreachable = (why: string): Error =>
  serviceUnavailableError(`error trying to reach service: dial tcp: ${why}`);

/** Throws 503, as dialling would fail there. upstream: Go's net.LookupPort */
export function dialledPort(text: string): number {
  const named = namedPorts[text.toLowerCase()];
  if (named !== undefined) return named;
  if (!/^[+-]?\d+$/.test(text)) throw unreachable(`lookup tcp/${text}: unknown port`);
  const port = Number(text);
  if (port < 0 || port > 65_535) throw unreachable(`address ${text}: invalid port`);
  return port;
}
