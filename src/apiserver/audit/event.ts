/** What is told of a request: audit.k8s.io/v1 Event. upstream: apiserver/pkg/apis/audit/v1/types.go, pkg/audit/request.go */
import { apiVersionOf, type AnyObject, type ObjectMeta } from "#api/meta/object.ts";
import type { Status } from "#api/meta/status.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { listMeta } from "#apiserver/http/list-body.ts";
import type { ListAnswer } from "#apiserver/request/call.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import type { AuditLevel, AuditStage } from "./policy.ts";

export interface AuditUser {
  readonly username?: string | undefined;
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

/** Only what is there; what the URL doesn't say is taken from what was sent. Undefined outside the API's resources. */
export function objectRefOf(info: RequestInfo, sent: ObjectMeta | undefined): AuditEvent["objectRef"] {
  if (!info.isResourceRequest) return undefined;
  const parts = {
    resource: info.resource,
    namespace: info.namespace === "" ? (sent?.namespace ?? "") : info.namespace,
    name: info.name === "" ? (sent?.name ?? "") : info.name,
    uid: sent?.uid ?? "",
    apiGroup: info.group,
    apiVersion: info.version,
    resourceVersion: sent?.resourceVersion ?? "",
    subresource: info.subresource,
  };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== ""));
}

/** upstream's audit log leaves out what every object has of every manager, when it is told to. */
export function withoutManagedFields(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { metadata, items, rows } = value as AnyObject;
  const { managedFields: _, ...rest } = metadata ?? {};
  return {
    ...value,
    ...(metadata === undefined ? {} : { metadata: rest }),
    ...(Array.isArray(items) ? { items: items.map(withoutManagedFields) } : {}),
    ...(Array.isArray(rows) ? { rows: rows.map(withoutManagedObject) } : {}),
  };
}

const withoutManagedObject = (row: { readonly object?: unknown }): unknown =>
  row.object === undefined ? row : { ...row, object: withoutManagedFields(row.object) };

/** As the client gets it: what all items are is said once. */
export function listAsObject(answer: ListAnswer): AnyObject {
  const { definition, gvk } = answer.endpoint;
  const items = answer.items.map((item) => {
    const { kind: _kind, apiVersion: _version, ...rest } = answer.endpoint.view(item);
    return rest;
  });
  return {
    kind: definition.listKind,
    apiVersion: apiVersionOf(gvk),
    metadata: listMeta(answer),
    items,
  };
}
