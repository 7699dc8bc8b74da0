/** Damaged definitions of custom resources, and damaged objects of a good one. */
import type { Choice } from "./choice.ts";
import type { HttpCase } from "./http-case.ts";
import { mutateValue } from "./mutations.ts";

const jsonType = "application/json";
const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/apply-patch+yaml",
] as const;

const schema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "integer", minimum: 0, maximum: 100, default: 3 },
        name: { type: "string", pattern: "^[a-z]+$", maxLength: 20, format: "date-time", nullable: true },
        port: { "x-kubernetes-int-or-string": true },
        large: { type: "integer", format: "int64", multipleOf: 1, default: 2n ** 53n + 1n },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        embedded: {
          type: "object",
          "x-kubernetes-embedded-resource": true,
          "x-kubernetes-preserve-unknown-fields": true,
        },
        items: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["key"],
          items: {
            type: "object",
            required: ["key"],
            properties: { key: { type: "string" }, value: { type: "number" } },
          },
        },
        set: {
          type: "array",
          "x-kubernetes-list-type": "set",
          maxItems: 10,
          items: { type: "string", maxLength: 10 },
        },
        choice: { type: "string", enum: ["a", "b"], oneOf: [{ pattern: "a" }, { pattern: "b" }] },
      },
      "x-kubernetes-validations": [
        { rule: "self.size < 50", message: "too big", reason: "FieldValueInvalid", fieldPath: ".size" },
        {
          rule: "!has(self.set) || self.set.all(s, s.size() < 9)",
          messageExpression: "'set is ' + string(self.set.size())",
        },
        { rule: "!has(oldSelf.name) || self.name == oldSelf.name" },
        { rule: "!has(self.large) || self.large % 2 != 0 || double(self.large) > 0.0" },
      ],
    },
    status: { type: "object", properties: { replicas: { type: "integer" }, selector: { type: "string" } } },
  },
};

function definition(group: string): object {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: {
        plural: "widgets",
        singular: "widget",
        kind: "Widget",
        shortNames: ["wg"],
        categories: ["all"],
      },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: {
            status: {},
            scale: {
              specReplicasPath: ".spec.size",
              statusReplicasPath: ".status.replicas",
              labelSelectorPath: ".status.selector",
            },
          },
          additionalPrinterColumns: [
            { name: "Size", type: "integer", jsonPath: ".spec.size" },
            { name: "Large", type: "integer", jsonPath: ".spec.large" },
            { name: "Text", type: "string", jsonPath: ".spec.large" },
          ],
          selectableFields: [{ jsonPath: ".spec.choice" }, { jsonPath: ".spec.large" }],
        },
      ],
    },
  };
}

const goodGroup = "fuzz.example.com";

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value), "utf8");

/** To be sent before any of these cases. */
export const goodDefinition: HttpCase = {
  method: "POST",
  path: definitionsPath,
  headers: { "content-type": jsonType },
  body: json(definition(goodGroup)),
};

export function customCase(choice: Choice): HttpCase {
  if (choice.chance(0.3)) {
    const group = `${choice.shortName()}.example.com`;
    const [method, path] = choice.chance(0.6)
      ? (["POST", definitionsPath] as const)
      : (["PUT", `${definitionsPath}/widgets.${group}`] as const);
    return {
      method,
      path,
      headers: { "content-type": jsonType },
      body: json(mutateValue(definition(group), choice)),
    };
  }
  const name = choice.shortName();
  const good = {
    apiVersion: `${goodGroup}/v1`,
    kind: "Widget",
    metadata: { name, labels: { a: "b" } },
    spec: {
      size: 1,
      name: "a",
      port: "http",
      large: choice.chance(0.5) ? choice.largeInteger() : 1,
      free: { a: { b: choice.chance(0.5) ? choice.largeInteger() : 1 } },
      embedded: { apiVersion: "v1", kind: "Pod", metadata: { name: "x" } },
      items: [{ key: "a", value: 1.5 }],
      set: ["a", "b"],
      choice: "a",
    },
  };
  return objectCase(choice, good, name);
}

function objectCase(choice: Choice, good: object, name: string): HttpCase {
  const body = choice.chance(0.7) ? mutateValue(good, choice) : good;
  const path = `/apis/${goodGroup}/v1/namespaces/default/widgets`;
  const query = choice.pick([
    "",
    "?fieldValidation=Strict",
    "?dryRun=All",
    "?fieldManager=a",
    "?fieldSelector=spec.choice%3Da",
    "?fieldSelector=spec.large%3D9007199254740993",
  ]);
  const sub = choice.pick(["", "", "", "/status", "/scale"]);
  const kind = choice.int(10);
  if (kind < 4) {
    return {
      method: "POST",
      path: `${path}${query}`,
      headers: { "content-type": jsonType },
      body: json(body),
    };
  }
  if (kind < 6) {
    return {
      method: "PUT",
      path: `${path}/${name}${sub}`,
      headers: { "content-type": jsonType },
      body: json(body),
    };
  }
  if (kind < 7) {
    const accept = choice.pick([jsonType, "application/json;as=Table;v=v1;g=meta.k8s.io"]);
    return { method: "GET", path: `${path}${query}`, headers: { accept }, body: Buffer.alloc(0) };
  }
  const type = choice.pick(patchTypes);
  const patch =
    type === "application/json-patch+json"
      ? [
          {
            op: choice.pick(["add", "replace", "remove", "test", "copy", "move"]),
            path: choice.pick(["/spec/size", "/spec/items/0/key", "/spec", "/spec/large"]),
            from: choice.pick(["/spec/free", "/spec/large", "/spec"]),
            value: choice.hostileValue(),
          },
        ]
      : body;
  const manager = type === "application/apply-patch+yaml" ? "?fieldManager=a&force=true" : "";
  return {
    method: "PATCH",
    path: `${path}/${name}${sub}${manager}`,
    headers: { "content-type": type },
    body: json(patch),
  };
}
