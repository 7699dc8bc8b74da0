/** The request and its namespace as expressions see them. upstream: apiserver/pkg/admission/plugin/cel/condition.go */
import type { Namespace } from "#api/generated/types/core-v1.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Named } from "../webhooks/object-types.ts";

/** The request as JSON; what is empty is absent where upstream omits it. */
export function requestObject(
  attributes: AdmissionAttributes,
  { gvk, gvr }: Named,
): Readonly<Record<string, unknown>> {
  const { subresource, name, namespace, operation, user, dryRun, options } = attributes;
  return {
    uid: "",
    kind: kindOf(gvk),
    resource: resourceOf(gvr),
    ...(subresource === "" ? {} : { subResource: subresource, requestSubResource: subresource }),
    requestKind: kindOf(attributes.gvk),
    requestResource: resourceOf(attributes.gvr),
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

const kindOf = ({ group, version, kind }: Named["gvk"]): object => ({ group, version, kind });
const resourceOf = ({ group, version, resource }: Named["gvr"]): object => ({ group, version, resource });

/** The parts of a namespace that expressions may see. */
export function namespaceObject(namespace: Namespace | undefined): unknown {
  if (namespace === undefined) return null;
  const { metadata = {}, spec, status } = namespace;
  const { managedFields: _managed, ownerReferences: _owners, selfLink: _link, ...seen } = metadata;
  return { metadata: seen, spec, status };
}
