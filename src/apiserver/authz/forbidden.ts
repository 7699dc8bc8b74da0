/** The 403 that a refused request gets; clients show its wording. upstream: apiserver/pkg/endpoints/handlers/responsewriters/errors.go */
import { failure, forbiddenError, type StatusError } from "#api/meta/status.ts";
import type { Attributes } from "./authorizer.ts";

export function forbidden(attributes: Attributes, reason: string): StatusError {
  const message = reason === "" ? refusalText(attributes) : `${refusalText(attributes)}: ${reason}`;
  if (!attributes.isResourceRequest) {
    return failure({ code: 403, reason: "Forbidden", message: `forbidden: ${message}`, details: {} });
  }
  return forbiddenError(
    { group: attributes.group, resource: attributes.resource, name: attributes.name },
    message,
  );
}

function refusalText(attributes: Attributes): string {
  const { user, verb, path, resource, subresource, group, namespace } = attributes;
  const name = JSON.stringify(user.name);
  if (!attributes.isResourceRequest) return `User ${name} cannot ${verb} path ${JSON.stringify(path)}`;
  const what = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  return `User ${name} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}`;
}
