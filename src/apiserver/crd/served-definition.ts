/** A version of a custom resource as others see it: in discovery, in routes. upstream: customresource_discovery_controller.go */
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from "#api/generated/types/apiextensions-v1.ts";
import type { GroupVersionKind } from "#api/meta/object.ts";
import type { ResourceDefinition, SubresourceDefinition } from "#api/scheme.ts";
import { customStruct } from "./custom-struct.ts";

/** In upstream's order, which discovery shows. */
const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
const partVerbs = ["get", "patch", "update"];

/** By the names that it has been given. */
export function resourceDefinition(
  { spec, status }: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
): ResourceDefinition {
  const { group } = spec;
  const names = status?.acceptedNames ?? spec.names;
  const storage = spec.versions.find((each) => each.storage)?.name ?? version.name;
  const kind: GroupVersionKind = { group, version: version.name, kind: names.kind };
  const part = (name: string): SubresourceDefinition => ({
    name,
    ...kind,
    verbs: partVerbs,
    struct: customStruct(kind),
  });
  const scale: SubresourceDefinition = {
    name: "scale",
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
    verbs: partVerbs,
    struct: "io.k8s.api.autoscaling.v1.Scale",
  };
  return {
    ...kind,
    resource: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    listKind: names.listKind ?? `${names.kind}List`,
    namespaced: spec.scope === "Namespaced",
    verbs,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    struct: customStruct(kind),
    storageVersion: { group, version: storage },
    subresources: [
      ...(version.subresources?.scale === undefined ? [] : [scale]),
      ...(version.subresources?.status === undefined ? [] : [part("status")]),
    ],
  };
}
