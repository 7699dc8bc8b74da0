/** What a limit range has against a pod or a claim. upstream: plugin/pkg/admission/limitranger/admission.go PodValidateLimitFunc */
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from "#api/generated/types/core-v1.ts";
import { amountsOf, podAmounts, type Amounts } from "#api/core/pod-resources.ts";
import { compareQuantities, formatQuantity, type Quantity } from "#api/meta/quantity.ts";

interface Asked {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

export function podFaults({ spec }: LimitRange, pod: Pod): string[] {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return (spec?.limits ?? []).flatMap((limit) => {
    if (limit.type === "Container") {
      return containers.flatMap((container) => itemFaults(limit, askedBy(container)));
    }
    return limit.type === "Pod" ? itemFaults(limit, askedByPod(pod)) : [];
  });
}

export function claimFaults({ spec }: LimitRange, claim: PersistentVolumeClaim): string[] {
  const requests = amountsOf(claim.spec?.resources?.requests);
  return (spec?.limits ?? [])
    .filter(({ type }) => type === "PersistentVolumeClaim")
    .flatMap((limit) => [
      ...minFaults(limit, { requests, limits: new Map() }),
      ...entries(limit.max).flatMap(([name, max]) => maxRequestFault(limit, name, max, requests)),
    ]);
}

function itemFaults(limit: LimitRangeItem, asked: Asked): string[] {
  return [
    ...minFaults(limit, asked),
    ...entries(limit.max).flatMap(([name, max]) => maxFault(limit, name, max, asked)),
    ...entries(limit.maxLimitRequestRatio).flatMap(([name, ratio]) => ratioFault(limit, name, ratio, asked)),
  ];
}

const entries = (list: Readonly<Record<string, string>> | undefined): [string, Quantity][] => [
  ...amountsOf(list),
];

const askedBy = ({ resources }: Container): Asked => ({
  requests: amountsOf(resources?.requests),
  limits: amountsOf(resources?.limits),
});

function askedByPod({ spec }: Pod): Asked {
  const options = { withOverhead: false };
  return spec === undefined
    ? { requests: new Map(), limits: new Map() }
    : { requests: podAmounts(spec, "requests", options), limits: podAmounts(spec, "limits", options) };
}

const isLess = (a: Quantity, b: Quantity): boolean => compareQuantities(a, b) < 0;

function minFaults(limit: LimitRangeItem, { requests, limits }: Asked): string[] {
  return entries(limit.min).flatMap(([name, min]) => {
    const rule = `minimum ${name} usage per ${limit.type} is ${formatQuantity(min)}`;
    const request = requests.get(name);
    const most = limits.get(name);
    if (request === undefined) return [`${rule}.  No request is specified`];
    if (isLess(request, min)) return [`${rule}, but request is ${formatQuantity(request)}`];
    return most !== undefined && isLess(most, min) ? [`${rule}, but limit is ${formatQuantity(most)}`] : [];
  });
}

function maxFault(limit: LimitRangeItem, name: string, max: Quantity, { requests, limits }: Asked): string[] {
  const rule = `maximum ${name} usage per ${limit.type} is ${formatQuantity(max)}`;
  const request = requests.get(name);
  const most = limits.get(name);
  if (most === undefined) return [`${rule}.  No limit is specified`];
  if (isLess(max, most)) return [`${rule}, but limit is ${formatQuantity(most)}`];
  return request !== undefined && isLess(max, request)
    ? [`${rule}, but request is ${formatQuantity(request)}`]
    : [];
}

function maxRequestFault(limit: LimitRangeItem, name: string, max: Quantity, requests: Amounts): string[] {
  const rule = `maximum ${name} usage per ${limit.type} is ${formatQuantity(max)}`;
  const request = requests.get(name);
  if (request === undefined) return [`${rule}.  No request is specified`];
  return isLess(max, request) ? [`${rule}, but request is ${formatQuantity(request)}`] : [];
}

function ratioFault(
  limit: LimitRangeItem,
  name: string,
  ratio: Quantity,
  { requests, limits }: Asked,
): string[] {
  const rule = `${name} max limit to request ratio per ${limit.type} is ${formatQuantity(ratio)}`;
  const request = requests.get(name);
  const most = limits.get(name);
  if (request === undefined || request.nano === 0n) {
    return [`${rule}, but no request is specified or request is 0`];
  }
  if (most === undefined || most.nano === 0n) return [`${rule}, but no limit is specified or limit is 0`];
  const unit = 10n ** 9n;
  // most / request > ratio, without rounding.
  if (most.nano * unit <= ratio.nano * request.nano) return [];
  return [`${rule}, but provided ratio is ${(Number(most.nano) / Number(request.nano)).toFixed(6)}`];
}
