/**
 * Tables of custom resources: the columns that a definition asks for.
 * upstream: apiextensions-apiserver/pkg/registry/customresource/tableconvertor
 */
import { isNumber } from "#base/exact-json.ts";
import type { CustomResourceColumnDefinition } from "../generated/types/apiextensions-v1.ts";
import { ageSince } from "../meta/duration.ts";
import { parseJsonPath, printResult, JsonPathError, type JsonPath } from "../meta/json-path.ts";
import type { KubeObject } from "../meta/object.ts";
import { nameOf, type Cell, type ColumnDefinition, type Printer } from "../meta/printer.ts";
import { parseTime } from "#base/clock.ts";

interface CustomColumn {
  readonly definition: ColumnDefinition;
  readonly path: JsonPath;
}

/** What kubectl shows of a resource that says nothing about it. */
const ageColumn: CustomResourceColumnDefinition = {
  name: "Age",
  type: "date",
  description:
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
  jsonPath: ".metadata.creationTimestamp",
};

const nameColumn: ColumnDefinition = {
  name: "Name",
  type: "string",
  format: "name",
  description:
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
  priority: 0,
};

/** A path that can't be read leaves the name alone, and what came before it. */
export function customPrinter(wanted: readonly CustomResourceColumnDefinition[] | undefined): Printer {
  const own = readable(wanted === undefined || wanted.length === 0 ? [ageColumn] : wanted);
  return {
    columns: [nameColumn, ...own.map(({ definition }) => definition)],
    cells: (object: KubeObject, nowMs: number) => [
      nameOf(object),
      ...own.map((column) => cellOf(column, object, nowMs)),
    ],
  };
}

function readable(wanted: readonly CustomResourceColumnDefinition[]): CustomColumn[] {
  const found: CustomColumn[] = [];
  for (const column of wanted) {
    try {
      found.push({ definition: definitionOf(column), path: parseJsonPath(column.jsonPath) });
    } catch (error) {
      if (error instanceof JsonPathError) return found;
      throw error;
    }
  }
  return found;
}

function definitionOf(column: CustomResourceColumnDefinition): ColumnDefinition {
  const { name, type, format = "", description = "", priority = 0, jsonPath } = column;
  return {
    name,
    type: type as ColumnDefinition["type"],
    format,
    description:
      description === ""
        ? `Custom resource definition column (in JSONPath format): ${jsonPath}`
        : description,
    priority,
  };
}

function cellOf({ definition, path }: CustomColumn, object: KubeObject, nowMs: number): Cell | null {
  const [value] = path.find(object);
  if (value === undefined) return null;
  switch (definition.type) {
    case "string":
      return printResult(value);
    case "integer":
      if (typeof value === "bigint") return value;
      return typeof value === "number" ? Math.trunc(value) : null;
    case "number":
      return isNumber(value) ? Number(value) : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      return typeof value === "string" ? dateCell(value, nowMs) : null;
  }
}

const dateCell = (text: string, nowMs: number): string =>
  text !== "" && Number.isNaN(parseTime(text)) ? "<invalid>" : ageSince(text, nowMs);
