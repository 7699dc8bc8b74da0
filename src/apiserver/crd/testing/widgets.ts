/** A definition to try things with. */
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from "#api/generated/types/apiextensions-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { customResourceDefinitions } from "#api/resources.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Client } from "#client/client.ts";

export const widgets: ResourceRef<AnyObject> = {
  group: "example.com",
  version: "v1",
  resource: "widgets",
  kind: "Widget",
  namespaced: true,
};

const specSchema: JSONSchemaProps = {
  type: "object",
  properties: {
    size: { type: "integer", minimum: 1, default: 3 },
    color: { type: "string" },
    replicas: { type: "integer" },
  },
};

export const version = (
  name: string,
  more: Partial<CustomResourceDefinitionVersion> = {},
): CustomResourceDefinitionVersion => ({
  name,
  served: true,
  storage: name === "v1",
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: specSchema,
        status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
  },
  ...more,
});

export function widgetDefinition(
  versions: CustomResourceDefinitionVersion[] = [version("v1")],
  spec: Partial<CustomResourceDefinition["spec"]> = {},
): CustomResourceDefinition {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget", singular: "widget", shortNames: ["wd"] },
      versions,
      ...spec,
    },
  };
}

/** Resolves once a definition says so: by a watch, as kubectl wait does. */
export async function conditionOf(
  client: Client,
  name: string,
  is: (crd: CustomResourceDefinition | undefined) => boolean,
): Promise<void> {
  const stop = new AbortController();
  const events = client.resource(customResourceDefinitions).watch(
    {
      fieldSelector: `metadata.name=${name}`,
      sendInitialEvents: true,
      resourceVersionMatch: "NotOlderThan",
      allowWatchBookmarks: true,
    },
    stop.signal,
  );
  for await (const { type, object } of events) {
    if (type !== "BOOKMARK" && is(type === "DELETED" ? undefined : object)) break;
  }
  stop.abort();
}

export const isEstablished = (crd: CustomResourceDefinition | undefined): boolean =>
  crd?.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") === true;

export async function define(client: Client, crd = widgetDefinition()): Promise<void> {
  await client.resource(customResourceDefinitions).create(crd);
  await conditionOf(client, crd.metadata?.name ?? "", isEstablished);
}
