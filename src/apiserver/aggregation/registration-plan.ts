/**
 * Which APIService is made, changed or deleted so that every group version of this server has one. Built-in ones are
 * seen to once at the start; those of custom resources as long as they are served.
 * upstream: kube-aggregator/pkg/controllers/autoregister/autoregister_controller.go
 */
import { isDeepStrictEqual } from "node:util";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";

const managedLabel = "kube-aggregator.kubernetes.io/automanaged";
export type Management = "onstart" | "true";

export interface Wanted {
  readonly group: string;
  readonly version: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
  readonly management: Management;
}

export interface Situation {
  readonly current: APIService | undefined;
  readonly wanted: Wanted | undefined;
  /** It was there when the server started. */
  readonly isFromBefore: boolean;
  /** It has been seen to since the server started. */
  readonly isSeenTo: boolean;
}

export type RegistrationStep =
  | { readonly action: "create" | "update"; readonly object: APIService }
  | { readonly action: "delete" };

export function planRegistration({
  current,
  wanted,
  isFromBefore,
  isSeenTo,
}: Situation): RegistrationStep | undefined {
  if (wanted?.management === "onstart" && isSeenTo) return undefined;
  if (current === undefined) {
    return wanted === undefined ? undefined : { action: "create", object: serviceOf(wanted) };
  }
  const managed = current.metadata?.labels?.[managedLabel];
  if (managed !== "onstart" && managed !== "true") return undefined;
  if (managed === "onstart" && (!isFromBefore || isSeenTo)) return undefined;
  if (wanted === undefined) return { action: "delete" };
  const { spec } = serviceOf(wanted);
  return isDeepStrictEqual(current.spec, spec)
    ? undefined
    : { action: "update", object: { ...current, spec } };
}

function serviceOf({ group, version, groupPriority, versionPriority, management }: Wanted): APIService {
  return {
    metadata: { name: `${version}.${group}`, labels: { [managedLabel]: management } },
    spec: {
      ...(group === "" ? {} : { group }),
      version,
      groupPriorityMinimum: groupPriority,
      versionPriority,
    },
  };
}
