/** What the test's own extension of the API publishes of its widgets. */
const gvk = { group: "demo.example.com", version: "v1", kind: "Widget" };

/** As servers have it that know no aggregated discovery. */
export const extensionGroups = { kind: "APIGroupList", apiVersion: "v1", groups: [] };

export const extensionResources = {
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: "demo.example.com/v1",
  resources: [
    {
      name: "widgets",
      singularName: "widget",
      namespaced: true,
      kind: "Widget",
      verbs: ["create", "delete", "get", "list", "watch"],
      shortNames: ["wd"],
      categories: ["all"],
    },
    { name: "widgets/echo", singularName: "", namespaced: true, kind: "Widget", verbs: ["get"] },
  ],
};

export const extensionOpenApi = {
  openapi: "3.0.0",
  info: { title: "demo", version: "v1" },
  paths: {
    "/apis/demo.example.com/v1/namespaces/{namespace}/widgets": {
      summary: "a text where others have operations",
      get: { "x-kubernetes-action": "list", "x-kubernetes-group-version-kind": gvk },
    },
    // kubectl 1.27 looks for this one only.
    "/apis/demo.example.com/v1/widgets": {
      get: { "x-kubernetes-action": "list", "x-kubernetes-group-version-kind": gvk },
    },
  },
  components: {
    schemas: {
      "com.example.demo.v1.Widget": {
        type: "object",
        description: "Widget is served by another server.",
        properties: {
          apiVersion: { type: "string" },
          kind: { type: "string" },
          metadata: { type: "object" },
          spec: {
            type: "object",
            description: "What the widget is to be.",
            properties: { size: { type: "integer", format: "int32", description: "Size in feet." } },
          },
        },
        "x-kubernetes-group-version-kind": [gvk],
      },
    },
  },
};
