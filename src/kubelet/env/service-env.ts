/** Docker-links style variables of the services. upstream: pkg/kubelet/envvars/envvars.go */
import type { Service } from "#api/generated/types/core-v1.ts";

const asVariable = (text: string): string => text.toUpperCase().replaceAll("-", "_");
const hostPort = (ip: string, port: number): string =>
  ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;

const hasAddress = ({ spec }: Service): boolean =>
  spec?.clusterIP !== undefined && spec.clusterIP !== "" && spec.clusterIP !== "None";

/** The namespace's services when links are wanted, and always the API server's own from "default". */
export function serviceEnvironment(
  services: readonly Service[],
  namespace: string,
  enableLinks: boolean,
): Map<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const name = service.metadata?.name ?? "";
    if (!hasAddress(service)) continue;
    const isMaster = service.metadata?.namespace === "default" && name === "kubernetes";
    if (service.metadata?.namespace === namespace && (enableLinks || isMaster)) chosen.set(name, service);
    else if (isMaster && !chosen.has(name)) chosen.set(name, service);
  }
  const env = new Map<string, string>();
  for (const [name, service] of [...chosen].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    addService(env, name, service);
  }
  return env;
}

function addService(env: Map<string, string>, serviceName: string, { spec }: Service): void {
  const name = asVariable(serviceName);
  const ip = spec?.clusterIP ?? "";
  const ports = spec?.ports ?? [];
  const first = ports[0];
  if (first === undefined) return;
  env.set(`${name}_SERVICE_HOST`, ip);
  env.set(`${name}_SERVICE_PORT`, String(first.port));
  for (const { name: portName, port } of ports) {
    if (portName !== undefined && portName !== "") {
      env.set(`${name}_SERVICE_PORT_${asVariable(portName)}`, String(port));
    }
  }
  for (const [index, { port, protocol = "TCP" }] of ports.entries()) {
    const url = `${protocol.toLowerCase()}://${hostPort(ip, port)}`;
    const prefix = `${name}_PORT_${port}_${protocol.toUpperCase()}`;
    if (index === 0) env.set(`${name}_PORT`, url);
    env.set(prefix, url);
    env.set(`${prefix}_PROTO`, protocol.toLowerCase());
    env.set(`${prefix}_PORT`, String(port));
    env.set(`${prefix}_ADDR`, ip);
  }
}
