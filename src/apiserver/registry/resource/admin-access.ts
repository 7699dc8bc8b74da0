/**
 * Access to devices beside whom they are given to is for namespaces that an administrator marked.
 * upstream: pkg/registry/resource/utils.go (AuthorizedForAdmin, AuthorizedForAdminStatus)
 */
import type {
  DeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
} from "#api/generated/types/resource-v1.ts";
import { forbidden, type FieldError } from "#api/meta/field-error.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";

const label = "resource.kubernetes.io/admin-access";

/** The labels of a namespace. */
export type LabelsOfNamespace = (name: string) => Promise<Readonly<Record<string, string>>>;

function pathInRequests(requests: readonly Loose<DeviceRequest>[] = []): string | undefined {
  const index = requests.findIndex(({ exactly }) => exactly?.adminAccess === true);
  return index < 0 ? undefined : `spec.devices.requests[${index}].adminAccess`;
}

export const adminPathOfClaim = (object: AnyObject): string | undefined =>
  pathInRequests((object as Loose<ResourceClaim>).spec?.devices?.requests);

/** Upstream says it of the claim's own path. */
export const adminPathOfTemplate = (object: AnyObject): string | undefined =>
  pathInRequests((object as Loose<ResourceClaimTemplate>).spec?.spec?.devices?.requests);

/** Of an allocation: undefined where none of its devices is an administrator's. */
export function adminPathOfAllocation(object: AnyObject): string | undefined {
  const { results = [] } = (object as Loose<ResourceClaim>).status?.allocation?.devices ?? {};
  const index = results.findIndex(({ adminAccess }) => adminAccess === true);
  return index < 0 ? undefined : `status.allocation.devices.results[${index}].adminAccess`;
}

export async function adminFaults(
  path: string | undefined,
  object: AnyObject,
  labelsOf: LabelsOfNamespace,
): Promise<readonly FieldError[]> {
  if (path === undefined) return [];
  const labels = await labelsOf(object.metadata?.namespace ?? "");
  if (labels[label] === "true") return [];
  const detail = `admin access to devices requires the \`${label}: true\` label on the containing namespace`;
  return [forbidden(path, detail)];
}
