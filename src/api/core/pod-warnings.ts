/** What is allowed in a pod but hardly meant. upstream: pkg/api/pod/warnings.go */
import { goQuote } from "../meta/go-quote.ts";
import type { Affinity, Pod, PodAffinity, PodSpec, PodTemplateSpec } from "../generated/types/core-v1.ts";
import { addressWarnings } from "../meta/addresses.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults } from "../meta/names.ts";
import { claimSpecWarnings, fractionWarnings } from "./claim-warnings.ts";
import {
  byteResources,
  containerWarnings,
  portWarnings,
  repeated,
  type Annotations,
  type PlacedContainer,
} from "./container-warnings.ts";
import { deprecationOfNodeLabel, nodeSelectorWarnings, nodeTermWarnings } from "./label-warnings.ts";
import { overlappingPathWarnings, sourceWarnings } from "./volume-warnings.ts";

const required = "requiredDuringSchedulingIgnoredDuringExecution";
const preferred = "preferredDuringSchedulingIgnoredDuringExecution";
const noSelector = "a null labelSelector results in matching no pod";

const graceMessage = "must be >= 0; negative values are invalid and will be treated as 1";
const seccompAnnotation = "seccomp.security.alpha.kubernetes.io/pod";
const seccompMessage = 'non-functional in v1.27+; use the "seccompProfile" field instead';

const deprecatedAnnotations = [
  [
    "scheduler.alpha.kubernetes.io/critical-pod",
    'non-functional in v1.16+; use the "priorityClassName" field instead',
  ],
  ["security.alpha.kubernetes.io/sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
  [
    "security.alpha.kubernetes.io/unsafe-sysctls",
    'non-functional in v1.11+; use the "sysctls" field instead',
  ],
] as const;

/** In the order in which upstream visits them. */
const containerLists = ["initContainers", "containers", "ephemeralContainers"] as const;

function containersOf(spec: Loose<PodSpec>, path: string): PlacedContainer[] {
  const placed: PlacedContainer[] = [];
  for (const list of containerLists) {
    let index = 0;
    for (const container of spec[list] ?? []) placed.push({ container, path: `${path}.${list}[${index++}]` });
  }
  return placed;
}

function podTermWarnings(affinity: Loose<PodAffinity> | undefined, path: string): string[] {
  if (affinity === undefined) return [];
  const musts = (affinity[required] ?? []).flatMap(({ labelSelector }, index) =>
    labelSelector === undefined ? [`${path}.${required}[${index}].labelSelector: ${noSelector}`] : [],
  );
  const wishes = (affinity[preferred] ?? []).flatMap(({ podAffinityTerm }, index) =>
    podAffinityTerm?.labelSelector === undefined
      ? [`${path}.${preferred}[${index}].podAffinityTerm.labelSelector: ${noSelector}`]
      : [],
  );
  return [...musts, ...wishes];
}

const podAffinityWarnings = (affinity: Loose<Affinity> | undefined, path: string): string[] => [
  ...podTermWarnings(affinity?.podAffinity, `${path}.podAffinity`),
  ...podTermWarnings(affinity?.podAntiAffinity, `${path}.podAntiAffinity`),
];

function placementWarnings(
  { nodeSelector, affinity, topologySpreadConstraints }: Loose<PodSpec>,
  path: string,
) {
  const warnings = Object.keys(nodeSelector ?? {}).flatMap((key) => {
    const message = deprecationOfNodeLabel(key);
    return message === undefined ? [] : [`${path}.nodeSelector[${key}]: ${message}`];
  });
  const nodes = affinity?.nodeAffinity;
  const at = `${path}.affinity.nodeAffinity`;
  warnings.push(...nodeSelectorWarnings(nodes?.[required], `${at}.${required}`));
  for (const [index, { preference }] of (nodes?.[preferred] ?? []).entries()) {
    warnings.push(...nodeTermWarnings(preference ?? {}, `${at}.${preferred}[${index}].preference`, true));
  }
  for (const [index, { topologyKey = "", labelSelector }] of (topologySpreadConstraints ?? []).entries()) {
    const spread = `${path}.topologySpreadConstraints[${index}]`;
    const message = deprecationOfNodeLabel(topologyKey);
    if (message !== undefined) warnings.push(`${spread}.topologyKey: ${topologyKey} is ${message}`);
    if (labelSelector === undefined) warnings.push(`${spread}.labelSelector: ${noSelector}`);
  }
  return warnings;
}

function volumeWarnings({ volumes = [] }: Loose<PodSpec>, path: string): string[] {
  return volumes.flatMap((volume, index) => {
    const at = `${path}.volumes[${index}]`;
    const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
    const ofClaim =
      claim === undefined ? [] : claimSpecWarnings(claim, `${at}.ephemeral.volumeClaimTemplate.spec`);
    return [...sourceWarnings(volume, at), ...ofClaim];
  });
}

function listWarnings({ hostAliases, imagePullSecrets }: Loose<PodSpec>, path: string): string[] {
  const aliases = repeated(hostAliases, ({ ip = "" }) => ip).map(
    ([index, ip]) => `${path}.hostAliases[${index}].ip: duplicate ip ${goQuote(ip)}`,
  );
  const secrets = repeated(imagePullSecrets, ({ name = "" }) => name).map(
    ([index, name]) => `${path}.imagePullSecrets[${index}].name: duplicate name ${goQuote(name)}`,
  );
  const empty = (imagePullSecrets ?? []).flatMap(({ name = "" }, index) =>
    name === "" ? [`${path}.imagePullSecrets[${index}].name: invalid empty name ""`] : [],
  );
  return [...aliases, ...secrets, ...empty];
}

interface Given {
  readonly spec: Loose<PodSpec>;
  readonly annotations: Annotations;
  /** Of the template; "" for a pod itself. */
  readonly path: string;
}

function annotationWarnings({ annotations }: Given, at: string): string[] {
  if (annotations === undefined) return [];
  return deprecatedAnnotations
    .filter(([key]) => annotations[key] !== undefined)
    .map(([key, message]) => `${at}[${key}]: ${message}`);
}

function seccompWarnings({ spec, annotations }: Given, at: string): string[] {
  if (annotations?.[seccompAnnotation] === undefined) return [];
  const hasProfile = spec.securityContext?.seccompProfile !== undefined;
  return hasProfile ? [] : [`${at}[${seccompAnnotation}]: ${seccompMessage}`];
}

function addressesWarnings({ dnsConfig, hostAliases }: Loose<PodSpec>, path: string): string[] {
  const servers = (dnsConfig?.nameservers ?? []).flatMap((server, index) =>
    addressWarnings(server, `${path}.dnsConfig.nameservers[${index}]`),
  );
  const aliases = (hostAliases ?? []).flatMap(({ ip = "" }, index) =>
    addressWarnings(ip, `${path}.hostAliases[${index}].ip`),
  );
  return [...servers, ...aliases];
}

function warningsFor(given: Given): string[] {
  const { spec, annotations, path } = given;
  const isTemplate = path !== "";
  const at = isTemplate ? `${path}.spec` : "spec";
  const metadata = isTemplate ? `${path}.metadata.annotations` : "metadata.annotations";
  const containers = containersOf(spec, at);
  const isNegative = (spec.terminationGracePeriodSeconds ?? 0) < 0;
  return [
    ...placementWarnings(spec, at),
    ...annotationWarnings(given, metadata),
    ...volumeWarnings(spec, at),
    ...overlappingPathWarnings(spec),
    ...listWarnings(spec, at),
    ...fractionWarnings(spec.overhead, byteResources, `${at}.overhead`),
    ...seccompWarnings(given, metadata),
    ...containers.flatMap((placed) =>
      containerWarnings(placed, { spec, annotations, at: metadata }, isTemplate),
    ),
    ...portWarnings(containers),
    ...(isNegative ? [`${at}.terminationGracePeriodSeconds: ${graceMessage}`] : []),
    ...podAffinityWarnings(spec.affinity, `${at}.affinity`),
    ...addressesWarnings(spec, at),
  ];
}

/** `[a b]`, as Go prints a list. */
const listText = (items: readonly string[]): string => `[${items.join(" ")}]`;

export function podNameWarnings({ metadata }: Loose<Pod>): string[] {
  const faults = dnsLabelFaults(metadata?.name ?? "");
  if (faults.length === 0) return [];
  return [
    `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: ${listText(faults)}`,
  ];
}

export function podWarnings(pod: Loose<Pod>): string[] {
  const { metadata, spec = {} } = pod;
  return [...podNameWarnings(pod), ...warningsFor({ spec, annotations: metadata?.annotations, path: "" })];
}

export const podTemplateWarnings = (template: Loose<PodTemplateSpec> | undefined, path: string): string[] =>
  warningsFor({ spec: template?.spec ?? {}, annotations: template?.metadata?.annotations, path });

/** Of what makes pods with its own name in theirs. */
export function ownerNameWarnings(name: string | undefined): string[] {
  const faults = dnsLabelFaults(name ?? "");
  if (faults.length === 0) return [];
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: ${listText(faults)}`,
  ];
}
