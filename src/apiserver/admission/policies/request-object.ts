/** The request and its namespace as expressions see them. upstream: apiserver/pkg/admission/plugin/cel/condition.go */
import type { Namespace } from "#api/generated/types/core-v1.ts";
import type { AdmissionAttributes } from "../admission.ts";

/** The request as JSON; what is empty is absent where upstream omits it. */
export function requestObject(attributes: AdmissionAttributes): Readonly<Record<string, unknown>> {
  const { gvk, gvr, subresource, name, namespace, operation, user, dryRun, options } = attributes;
  const kind = { group: gvk.group, version: gvk.version, kind: gvk.kind };
  const resource = { group: gvr.group, version: gvr.version, resource: gvr.resource };
  return {
    uid: "",
    kind,
    resource,
    ...(subresource === "" ? {} : { subResource: subresource, requestSubResource: subresource }),
    requestKind: kind,
    requestResource: resource,
    ...(name === "" ? {} : { name }),
    ...(namespace === "" ? {} : { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid === undefined || user.uid === "" ? {} : { uid: user.uid }),
      ...(user.groups.length === 0 ? {} : { groups: user.groups }),
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    },
    dryRun,
    options,
  };
}

/** The parts of a namespace that expressions may see. */
export function namespaceObject(namespace: Namespace | undefined): unknown {
  if (namespace === undefined) return null;
  const { metadata = {}, spec, status } = namespace;
  const { managedFields: _managed, ownerReferences: _owners, selfLink: _link, ...seen } = metadata;
  return { metadata: seen, spec, status };
}
