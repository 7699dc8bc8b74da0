/** Definitions of custom resources that are made in a breath, and objects of them. */
import { eventually } from "../wait.ts";
import { type ApiClient, at, textAt, type Json } from "./api-client.ts";

export const waitMs = 15_000;
export const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

export const openObject = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

export const specSchema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["cronSpec"],
      properties: {
        cronSpec: { type: "string" },
        kept: openObject,
        ports: { type: "array", items: { type: "object", properties: { port: { type: "integer" } } } },
      },
    },
  },
};

export interface Defined {
  readonly kind: string;
  readonly group?: string;
  readonly schema?: Json;
  /** What every version has besides. */
  readonly more?: Json;
  readonly conversion?: Json;
  readonly versions?: readonly Json[];
}

export const pluralOf = ({ kind }: Defined): string => `${kind.toLowerCase()}s`;

export function definition(defined: Defined): Json {
  const { kind, group = "e2e.example.com", schema = openObject, more = {} } = defined;
  const { versions = [{ name: "v1", served: true, storage: true }] } = defined;
  const conversion = defined.conversion === undefined ? {} : { conversion: defined.conversion };
  return {
    metadata: { name: `${pluralOf(defined)}.${group}` },
    spec: {
      group,
      scope: "Cluster",
      ...conversion,
      names: { plural: pluralOf(defined), kind },
      versions: versions.map((version) => ({ schema: { openAPIV3Schema: schema }, ...more, ...version })),
    },
  };
}

/** The path of its objects, once they are served. */
export async function define(api: ApiClient, defined: Defined): Promise<string> {
  const { metadata } = await api.create(definitions, definition(defined));
  const name = textAt(metadata, "name");
  await eventually(`${name} is established`, waitMs, async () => {
    const conditions = (at(await api.get(`${definitions}/${name}`), "status.conditions") ?? []) as Json[];
    return conditions.some(({ type, status }) => type === "Established" && status === "True");
  });
  const version = textAt(defined.versions?.[0], "name") || "v1";
  const path = `/apis/${defined.group ?? "e2e.example.com"}/${version}/${pluralOf(defined)}`;
  await eventually(`${path} is served`, waitMs, async () => (await api.call("GET", path)).code === 200);
  return path;
}

export const object = (defined: Defined, name: string, rest: Json = {}): Json => ({
  apiVersion: `${defined.group ?? "e2e.example.com"}/v1`,
  kind: defined.kind,
  metadata: { name },
  ...rest,
});
