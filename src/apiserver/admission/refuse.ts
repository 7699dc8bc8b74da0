/** The 403 of an admission plugin, and what plugins ask of their attributes. upstream: apiserver/pkg/admission/errors.go */
import { forbiddenError, type StatusError } from "#api/meta/status.ts";
import type { AdmissionAttributes } from "./admission.ts";

/** Names the object, or its generateName while it has no name. */
export function refuse(attributes: AdmissionAttributes, why: string): StatusError {
  const { group, resource } = attributes.gvr;
  return forbiddenError({ group, resource, name: nameOf(attributes) }, why);
}

function nameOf({ name, object }: AdmissionAttributes): string {
  if (name !== "") return name;
  const { metadata } = object ?? {};
  const own = metadata?.name ?? "";
  const generated = metadata?.generateName ?? "";
  return own !== "" ? own : generated !== "" ? generated : "Unknown";
}

/** `resource` in its group: "pods", "leases.coordination.k8s.io". */
export function concerns({ gvr }: AdmissionAttributes, resource: string): boolean {
  return resource === (gvr.group === "" ? gvr.resource : `${gvr.resource}.${gvr.group}`);
}
