/** Whether a schema is structural. upstream: apiextensions-apiserver/pkg/apiserver/schema/{validation,complete}.go */
import { fieldErrorText, forbidden, invalid, required, type FieldError } from "../../meta/field-error.ts";
import {
  hasDefault,
  isEmbedded,
  itemsOf,
  keepsUnknown,
  propertyOf,
  valueSchemaOf,
  valuesOf,
  type Structural,
} from "./structural.ts";

type Level = "root" | "item" | "field";

const emptyTypeTexts: Readonly<Record<Level, string>> = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields",
};

/** What is wrong with a pattern. Asked only for schemas with patterns. */
export type PatternFault = (pattern: string) => string | undefined;

/** Sorted by their text. */
export function structuralFaults(schema: Structural, path: string, patternFault: PatternFault): FieldError[] {
  const checker = new StructureCheck(patternFault);
  checker.schema(schema, "root", path);
  checker.completeness(schema, path);
  return checker.faults.toSorted((a, b) => (fieldErrorText(a) < fieldErrorText(b) ? -1 : 1));
}

const integerOrString = ["integer", "string"];
const isIntegerOrString = (schemas: readonly Structural[] | undefined): boolean =>
  schemas?.length === integerOrString.length &&
  schemas.every(({ type, ...rest }, index) => type === integerOrString[index] && !saysAnything(rest));

class StructureCheck {
  readonly faults: FieldError[] = [];
  readonly #patternFault: PatternFault;

  constructor(patternFault: PatternFault) {
    this.#patternFault = patternFault;
  }

  schema(schema: Structural, level: Level, path: string): void {
    const items = itemsOf(schema);
    if (schema.type === "array" && items === undefined) {
      this.faults.push(required(`${path}.items`, "must be specified"));
    }
    if (items !== undefined) this.schema(items, "item", `${path}.items`);
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      this.schema(property, "field", `${path}.properties[${name}]`);
    }
    this.#values(schema, level, path);
    this.#extensions(schema, path);
    this.#valueRules(schema, path, {
      skipsAny: isIntegerOrString(schema.anyOf),
      skipsFirstAny: isIntegerOrString(schema.allOf?.[0]?.anyOf),
    });
    this.#type(schema, level, path);
    this.#meta(schema, level, path);
  }

  #values(schema: Structural, level: Level, path: string): void {
    if (valuesOf(schema) === undefined) return;
    const own = `${path}.additionalProperties`;
    if (level === "root") this.faults.push(forbidden(own, "must not be used at the root"));
    const values = valueSchemaOf(schema);
    if (values !== undefined) this.schema(values, "field", own);
    if (isEmbedded(schema)) {
      this.faults.push(forbidden(own, "must not be used if x-kubernetes-embedded-resource is set"));
    }
  }

  #extensions(schema: Structural, path: string): void {
    if (schema["x-kubernetes-int-or-string"] !== true) return;
    const why = "must be false if x-kubernetes-int-or-string is true";
    if (keepsUnknown(schema)) {
      this.faults.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, true, why));
    }
    if (isEmbedded(schema)) this.faults.push(invalid(`${path}.x-kubernetes-embedded-resource`, true, why));
  }

  #type(schema: Structural, level: Level, path: string): void {
    const { type = "" } = schema;
    const own = `${path}.type`;
    if (isEmbedded(schema) && type !== "object") {
      const why = "must be object if x-kubernetes-embedded-resource is true";
      this.faults.push(type === "" ? required(own, why) : invalid(own, type, why));
    } else if (type === "" && schema["x-kubernetes-int-or-string"] !== true && !keepsUnknown(schema)) {
      this.faults.push(required(own, emptyTypeTexts[level]));
    }
    if (level === "root" && type !== "" && type !== "object") {
      this.faults.push(invalid(own, type, "must be object at the root"));
    }
  }

  #meta(schema: Structural, level: Level, path: string): void {
    const isResource = level === "root" || isEmbedded(schema);
    for (const name of ["kind", "apiVersion"]) {
      const type = propertyOf(schema, name)?.type ?? "";
      if (isResource && propertyOf(schema, name) !== undefined && type !== "string") {
        this.faults.push(invalid(`${path}.properties[${name}].type`, type, "must be string"));
      }
    }
    const metadata = propertyOf(schema, "metadata");
    if (metadata !== undefined) {
      this.#metadata(metadata, { level, isResource }, `${path}.properties[metadata]`);
    }
    const isBlind = isEmbedded(schema) && !keepsUnknown(schema);
    if (isBlind && Object.keys(schema.properties ?? {}).length === 0) {
      this.faults.push(
        required(
          `${path}.properties`,
          "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
        ),
      );
    }
  }

  #metadata(
    schema: Structural,
    { level, isResource }: { readonly level: Level; readonly isResource: boolean },
    path: string,
  ): void {
    const { type = "", properties = {}, default: _default, ...rest } = schema;
    if (isResource && type !== "object") this.faults.push(invalid(`${path}.type`, type, "must be object"));
    if (level !== "root") return;
    const names = Object.keys(properties);
    const isNamesOnly = names.every((name) => name === "name" || name === "generateName");
    if (!isNamesOnly || saysAnything(rest)) {
      this.faults.push(
        forbidden(
          path,
          "must not specify anything other than name and generateName, but metadata is implicitly specified",
        ),
      );
    }
  }

  #valueRules(
    schema: Structural,
    path: string,
    { skipsAny, skipsFirstAny }: { readonly skipsAny: boolean; readonly skipsFirstAny: boolean },
  ): void {
    if (!skipsAny) this.#nestedList(schema.anyOf, `${path}.anyOf`, false);
    this.#nestedList(schema.allOf, `${path}.allOf`, skipsFirstAny);
    this.#nestedList(schema.oneOf, `${path}.oneOf`, false);
    if (schema.not !== undefined) this.#nested(schema.not, `${path}.not`, false);
    const { pattern = "" } = schema;
    const fault = pattern === "" ? undefined : this.#patternFault(pattern);
    if (fault !== undefined) {
      const why = `must be a valid regular expression, but isn't: ${fault}`;
      this.faults.push(invalid(`${path}.pattern`, pattern, why));
    }
  }

  #nestedList(schemas: readonly Structural[] | undefined, path: string, skipsFirstAny: boolean): void {
    for (const [index, schema] of (schemas ?? []).entries()) {
      this.#nested(schema, `${path}[${index}]`, skipsFirstAny && index === 0);
    }
  }

  /** Within allOf and its like only values may be judged: what there is is said outside. */
  #nested(schema: Structural, path: string, skipsAny: boolean): void {
    this.#valueRules(schema, path, { skipsAny, skipsFirstAny: false });
    const items = itemsOf(schema);
    if (items !== undefined) this.#nested(items, `${path}.items`, false);
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      this.#nested(property, `${path}.properties[${name}]`, false);
    }
    for (const [field, why] of nestedBans) {
      if (isBanned(schema, field)) this.faults.push(forbidden(`${path}.${field}`, why));
    }
    if (propertyOf(schema, "metadata") !== undefined) {
      this.faults.push(
        forbidden(`${path}.properties[metadata]`, "must not be specified in a nested context"),
      );
    }
  }

  /** Every field that allOf and its like of the root speak of is specified outside, too. Those of fields may speak freely. */
  completeness(schema: Structural, path: string): void {
    for (const [field, inner] of logicOf(schema)) this.#specified(inner, schema, `${path}.${field}`, path);
  }

  /** `shapePath`: where what is missing belongs. */
  #specified(rules: Structural, shape: Structural | undefined, path: string, shapePath: string): void {
    if (shape === undefined) {
      this.faults.push(required(shapePath, `because it is defined in ${path}`));
      return;
    }
    for (const [field, inner] of logicOf(rules)) this.#specified(inner, shape, `${path}.${field}`, shapePath);
    const items = itemsOf(rules);
    if (items !== undefined) this.#specified(items, itemsOf(shape), `${path}.items`, `${shapePath}.items`);
    for (const [name, property] of Object.entries(rules.properties ?? {})) {
      const key = `properties[${name}]`;
      this.#specified(property, propertyOf(shape, name), `${path}.${key}`, `${shapePath}.${key}`);
    }
  }
}

function logicOf(schema: Structural): (readonly [field: string, schema: Structural])[] {
  const lists = (["allOf", "anyOf", "oneOf"] as const).flatMap((field) =>
    (schema[field] ?? []).map((inner, index) => [`${field}[${index}]`, inner] as const),
  );
  return schema.not === undefined ? lists : [...lists, ["not", schema.not]];
}

const nestedBans: readonly (readonly [field: keyof Structural, why: string])[] = [
  ["type", "must be empty to be structural"],
  ["additionalProperties", "must be undefined to be structural"],
  ["default", "must be undefined to be structural"],
  ["title", "must be empty to be structural"],
  ["description", "must be empty to be structural"],
  ["nullable", "must be false to be structural"],
  ["x-kubernetes-preserve-unknown-fields", "must be false to be structural"],
  ["x-kubernetes-embedded-resource", "must be false to be structural"],
  ["x-kubernetes-int-or-string", "must be false to be structural"],
  ["x-kubernetes-list-map-keys", "must be empty to be structural"],
  ["x-kubernetes-list-type", "must be undefined to be structural"],
  ["x-kubernetes-map-type", "must be undefined to be structural"],
  ["x-kubernetes-validations", "must be empty to be structural"],
];

const isBanned = (schema: Structural, field: keyof Structural): boolean =>
  field === "additionalProperties" ? (valuesOf(schema) ?? false) !== false : isSet(schema, field);

/** Upstream's 1.35 drops what only explains. */
const saysAnything = ({ example: _example, externalDocs: _externalDocs, ...rest }: Structural): boolean =>
  (Object.keys(rest) as (keyof typeof rest)[]).some((field) => isSet(rest, field));

function isSet(schema: Structural, field: keyof Structural): boolean {
  if (field === "default") return hasDefault(schema);
  const value = schema[field];
  if (value === undefined || value === "" || value === false) {
    return field === "additionalProperties" && value === false;
  }
  return !Array.isArray(value) || value.length > 0;
}
