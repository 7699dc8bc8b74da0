/** What is allowed in a container but hardly meant. upstream: pkg/api/pod/warnings.go */
import { goQuote } from "../meta/go-quote.ts";
import type { Container, ContainerPort, EphemeralContainer, PodSpec } from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { fractionWarnings } from "./claim-warnings.ts";
import { WarningRoom } from "./warning-room.ts";

export type Annotations = Readonly<Record<string, string>> | undefined;
type AnyContainer = Loose<Container | EphemeralContainer>;

export interface PlacedContainer {
  readonly container: AnyContainer;
  readonly path: string;
}

/** A pod or template with its annotations, which lie at `at`. */
export interface PodAnnotations {
  readonly spec: Loose<PodSpec>;
  readonly annotations: Annotations;
  readonly at: string;
}

export const byteResources = ["memory", "ephemeral-storage"];
const containerSeccompAnnotation = "container.seccomp.security.alpha.kubernetes.io/";
const appArmorAnnotation = "container.apparmor.security.beta.kubernetes.io/";

/** The second and later ones of a value. */
export function repeated<T>(
  items: readonly T[] | undefined,
  key: (item: T) => string,
): [index: number, key: string][] {
  const found: [number, string][] = [];
  if (items === undefined || items.length < 2) return found;
  const seen = new Set<string>();
  let index = 0;
  for (const item of items) {
    const text = key(item);
    if (seen.has(text)) found.push([index, text]);
    else seen.add(text);
    index++;
  }
  return found;
}

/** A later variable is fine when it is made of the earlier one. */
function envWarnings({ env = [] }: AnyContainer, path: string): string[] {
  return repeated(env, ({ name = "" }) => name).flatMap(([index, name]) => {
    const { value = "", valueFrom } = env[index] ?? {};
    const reference = `$(${name})`;
    const isFine = valueFrom === undefined && value !== reference && value.includes(reference);
    if (isFine) return [];
    const shown = goQuote(name);
    return [
      `${path}.env[${index}]: hides previous definition of ${shown}, which may be dropped when using apply`,
    ];
  });
}

function profileWarnings(
  { spec, annotations, at }: PodAnnotations,
  { securityContext, name = "" }: AnyContainer,
  isTemplate: boolean,
): string[] {
  if (annotations === undefined) return [];
  const warnings: string[] = [];
  const seccomp = containerSeccompAnnotation + name;
  if (securityContext?.seccompProfile === undefined && annotations[seccomp] !== undefined) {
    warnings.push(`${at}[${seccomp}]: non-functional in v1.27+; use the "seccompProfile" field instead`);
  }
  const hasProfile =
    (spec.securityContext?.appArmorProfile ?? securityContext?.appArmorProfile) !== undefined;
  const appArmor = appArmorAnnotation + name;
  if (isTemplate && !hasProfile && annotations[appArmor] !== undefined) {
    warnings.push(`${at}[${appArmor}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
  }
  return warnings;
}

/** As Go prints the struct. */
const portText = ({
  name = "",
  hostPort = 0,
  containerPort = 0,
  protocol = "",
  hostIP = "",
}: Loose<ContainerPort>) =>
  `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;

/** What two definitions of one port and protocol are to each other. */
function relation(port: Loose<ContainerPort>, other: Loose<ContainerPort>): string | undefined {
  const [ip, otherIp] = [port.hostIP ?? "", other.hostIP ?? ""];
  const [hostPort, otherPort] = [port.hostPort ?? 0, other.hostPort ?? 0];
  if (ip === otherIp && hostPort === otherPort) return "duplicate";
  if (hostPort === 0 || otherPort === 0) return "overlapping";
  const isAmbiguous = hostPort === otherPort && (ip === "") !== (otherIp === "");
  return isAmbiguous ? "dangerously ambiguous" : undefined;
}

interface PlacedPort {
  readonly port: Loose<ContainerPort>;
  readonly path: string;
}

function portsOf(containers: readonly PlacedContainer[]): PlacedPort[] {
  return containers.flatMap(({ container, path }) =>
    (container.ports ?? []).map((port, index) => ({ port, path: `${path}.ports[${index}]` })),
  );
}

/** Ports that are of one number and protocol, by the parts of the host's that matter to another one. */
class KnownPorts {
  readonly #all: number[] = [];
  readonly #byHost = new Map<string, number[]>();

  /** `place` joins those that are known. Returns those of them that the port is something to. */
  add({ hostIP = "", hostPort = 0 }: Loose<ContainerPort>, place: number): readonly number[] {
    const related =
      hostPort === 0
        ? [...this.#all]
        : [
            ...this.#of("0"),
            ...(hostIP === ""
              ? this.#of(`${hostPort}`)
              : [...this.#of(`${hostPort}/${hostIP}`), ...this.#of(`${hostPort}/`)]),
          ].toSorted((a, b) => a - b);
    this.#all.push(place);
    this.#note(`${hostPort}`, place);
    this.#note(`${hostPort}/${hostIP}`, place);
    return related;
  }

  #note(key: string, place: number): void {
    const known = this.#byHost.get(key);
    if (known === undefined) this.#byHost.set(key, [place]);
    else known.push(place);
  }

  #of(key: string): readonly number[] {
    return this.#byHost.get(key) ?? [];
  }
}

function portNumberWarnings(ports: readonly PlacedPort[]): string[] {
  const warnings: string[] = [];
  const room = new WarningRoom();
  const known = new Map<string, KnownPorts>();
  for (const [place, { port, path }] of ports.entries()) {
    if ((port.hostIP ?? "") !== "" && (port.hostPort ?? 0) === 0) {
      warnings.push(`${path}: hostIP set without hostPort: ${portText(port)}`);
    }
    const key = `${port.containerPort ?? 0}/${port.protocol ?? ""}`;
    if (room.isFull()) continue;
    const others = known.get(key) ?? new KnownPorts();
    known.set(key, others);
    for (const at of others.add(port, place)) {
      const other = ports[at];
      const what = other && relation(port, other.port);
      if (what === undefined || room.isFull()) continue;
      warnings.push(room.take(`${path}: ${what} port definition with ${other?.path}`));
    }
  }
  return warnings;
}

function portNameWarnings(ports: readonly PlacedPort[]): string[] {
  const names = new Map<string, string>();
  return ports.flatMap(({ port: { name = "" }, path }) => {
    const first = names.get(name);
    if (name !== "" && first === undefined) names.set(name, path);
    if (first === undefined) return [];
    return [
      `${path}: duplicate port name ${goQuote(name)} with ${first}, services and probes that select ports by name will use ${first}`,
    ];
  });
}

/** Init containers' ports are nobody's target unless they keep running. */
const isLasting = ({ container, path }: PlacedContainer): boolean =>
  !path.includes(".initContainers[") ||
  ("restartPolicy" in container && container.restartPolicy === "Always");

export function portWarnings(containers: readonly PlacedContainer[]): string[] {
  const ports = portsOf(containers);
  if (ports.length === 0) return [];
  return [...portNumberWarnings(ports), ...portNameWarnings(portsOf(containers.filter(isLasting)))];
}

/** Of a container alone. */
export function containerWarnings(
  { container, path }: PlacedContainer,
  pod: PodAnnotations,
  isTemplate: boolean,
): string[] {
  const { limits, requests } = container.resources ?? {};
  return [
    ...profileWarnings(pod, container, isTemplate),
    ...byteResources.flatMap((name) => [
      ...fractionWarnings(limits, [name], `${path}.resources.limits`),
      ...fractionWarnings(requests, [name], `${path}.resources.requests`),
    ]),
    ...envWarnings(container, path),
  ];
}
