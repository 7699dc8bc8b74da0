/** What is told of a request: audit.k8s.io/v1 Event. upstream: apiserver/pkg/apis/audit/v1/types.go, pkg/audit/request.go */
import { apiVersionOf, type AnyObject } from "#api/meta/object.ts";
import type { Status } from "#api/meta/status.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import type { AuditLevel, AuditStage } from "./policy.ts";

export interface AuditUser {
  readonly username: string;
  readonly uid?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly extra?: UserInfo["extra"];
}

export interface AuditEvent {
  readonly kind: "Event";
  readonly apiVersion: "audit.k8s.io/v1";
  readonly level: AuditLevel;
  readonly auditID: string;
  readonly stage: AuditStage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: AuditUser;
  readonly impersonatedUser?: AuditUser | undefined;
  readonly sourceIPs?: readonly string[] | undefined;
  readonly userAgent?: string | undefined;
  readonly objectRef?: Readonly<Record<string, string>> | undefined;
  readonly responseStatus?: Partial<Status> | undefined;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export const auditUser = ({ name, uid, groups, extra }: UserInfo): AuditUser => ({
  username: name,
  ...(uid === undefined || uid === "" ? {} : { uid }),
  ...(groups.length === 0 ? {} : { groups }),
  ...(extra === undefined || Object.keys(extra).length === 0 ? {} : { extra }),
});

/** Only what is there. Undefined outside the API's resources. */
export function objectRefOf(info: RequestInfo, object: AnyObject | undefined): AuditEvent["objectRef"] {
  if (!info.isResourceRequest) return undefined;
  const { metadata } = object ?? {};
  const parts = {
    resource: info.resource,
    namespace: info.namespace,
    name: info.name === "" ? (metadata?.name ?? "") : info.name,
    uid: metadata?.uid ?? "",
    apiGroup: info.group,
    apiVersion: info.version,
    resourceVersion: metadata?.resourceVersion ?? "",
    subresource: info.subresource,
  };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== ""));
}

/** upstream's audit log leaves out what every object has of every manager, when it is told to. */
export function withoutManagedFields(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { metadata, items } = value as AnyObject;
  const { managedFields: _, ...rest } = metadata ?? {};
  return {
    ...value,
    ...(metadata === undefined ? {} : { metadata: rest }),
    ...(Array.isArray(items) ? { items: items.map(withoutManagedFields) } : {}),
  };
}

export const listAsObject = (
  listKind: string,
  gv: { group: string; version: string },
  items: readonly AnyObject[],
): AnyObject => ({ kind: listKind, apiVersion: apiVersionOf(gv), metadata: {}, items });
