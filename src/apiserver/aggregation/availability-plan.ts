/** What can be said of a remote APIService without asking its server. upstream: kube-aggregator/pkg/controllers/status/remote */
import type { APIService, APIServiceCondition } from "#api/generated/types/apiregistration-v1.ts";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import type { RemoteService } from "./group-version.ts";

export interface Verdict {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

export interface Surroundings {
  readonly service: Service | undefined;
  readonly slices: readonly EndpointSlice[];
}

const no = (reason: string, message: string): Verdict => ({ status: "False", reason, message });

export const passed: Verdict = { status: "True", reason: "Passed", message: "all checks passed" };
export const discoveryFailed = (message: string): Verdict => no("FailedDiscoveryCheck", message);

/** Undefined: nothing stands against it, so the server itself is to be asked. */
export function verdictBySurroundings(
  { namespace, name, port }: RemoteService,
  { service, slices }: Surroundings,
): Verdict | undefined {
  const who = `service/${name} in ${JSON.stringify(namespace)}`;
  if (service === undefined) return no("ServiceNotFound", `${who} is not present`);
  if ((service.spec?.type ?? "ClusterIP") !== "ClusterIP") return undefined;
  const found = service.spec?.ports?.find((each) => each.port === port);
  if (found === undefined) return no("ServicePortError", `${who} is not listening on port ${port}`);
  if (slices.length === 0) return no("EndpointsNotFound", `cannot find endpointslices for ${who}`);
  const portName = found.name ?? "";
  if (slices.some((slice) => isReady(slice, portName))) return undefined;
  return no(
    "MissingEndpoints",
    `endpointslices for ${who} have no addresses with port name ${JSON.stringify(portName)}`,
  );
}

const isReady = ({ endpoints, ports }: EndpointSlice, portName: string): boolean =>
  endpoints.some(({ conditions }) => conditions?.ready !== false) &&
  (ports ?? []).some(({ name, port }) => (name ?? "") === portName && port !== undefined);

/** The object with its new condition; undefined when that says what the old one said. */
export function withVerdict(service: APIService, verdict: Verdict, now: string): APIService | undefined {
  const conditions = service.status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === "Available");
  const isSame =
    old?.status === verdict.status && old.reason === verdict.reason && old.message === verdict.message;
  if (isSame) return undefined;
  const lastTransitionTime = old?.status === verdict.status ? (old.lastTransitionTime ?? now) : now;
  const condition: APIServiceCondition = { type: "Available", lastTransitionTime, ...verdict };
  const rest = conditions.filter(({ type }) => type !== "Available");
  return { ...service, status: { ...service.status, conditions: [...rest, condition] } };
}
