/**
 * The schema of a definition's version, rule by rule.
 * upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go ValidateCustomResourceDefinitionOpenAPISchema
 */
import type { JSONSchemaProps, ValidationRule } from "../generated/types/apiextensions-v1.ts";
import { FaultList } from "../meta/fault-list.ts";
import type { FieldError } from "../meta/field-error.ts";
import { metaFields } from "../schema/structural/structural.ts";
import type { RuleChecker } from "./rule-check.ts";
import { findField } from "./field-path-rules.ts";
import { checkListSchema, checkMapSchema } from "./list-schema-validation.ts";

interface Place {
  readonly path: string;
  readonly isRoot: boolean;
  /** Why there may be no defaults here. */
  readonly defaultBan: string | undefined;
  readonly isMeta: boolean;
  readonly oldSelfBan: string | undefined;
  readonly cardinality: number | undefined;
  /** Not below allOf and its like, which hold no rules. */
  readonly hasRules: boolean;
}

const types = ["array", "boolean", "integer", "number", "object", "string"];
const reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/** Unsupported everywhere: each says so. */
const unsupported = [
  "id",
  "additionalItems",
  "patternProperties",
  "definitions",
  "dependencies",
  "$ref",
] as const;

/** `checker` is undefined where the schema isn't fit for rules. */
export function schemaFaults(
  schema: JSONSchemaProps,
  path: string,
  checker: RuleChecker | undefined,
): FieldError[] {
  const check = new SchemaCheck(checker);
  check.schema(schema, {
    path,
    isRoot: true,
    defaultBan: undefined,
    isMeta: false,
    oldSelfBan: undefined,
    cardinality: 1,
    hasRules: true,
  });
  return [...check.faults.all, ...check.ruleFaults, ...(checker?.total(path) ?? [])];
}

class SchemaCheck {
  readonly faults = new FaultList();
  readonly ruleFaults: FieldError[] = [];
  readonly #checker: RuleChecker | undefined;

  constructor(checker: RuleChecker | undefined) {
    this.#checker = checker;
  }

  schema(schema: JSONSchemaProps, place: Place): void {
    const before = this.faults.count;
    this.#standard(schema, place);
    if (schema.uniqueItems === true) {
      this.faults.forbidden(
        `${place.path}.uniqueItems`,
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
      );
    }
    this.#values(schema, place);
    this.#properties(schema, place);
    this.#logic(schema, place);
    this.#items(schema, place);
    const { path } = place;
    if (schema["x-kubernetes-preserve-unknown-fields"] === false) {
      const field = `${path}.x-kubernetes-preserve-unknown-fields`;
      this.faults.invalid(field, false, "must be true or undefined");
    }
    checkMapSchema(schema, path, this.faults);
    checkListSchema(schema, path, this.faults);
    this.#rules(schema, place, this.faults.count === before);
  }

  #standard(schema: JSONSchemaProps, { path, defaultBan, isMeta }: Place): void {
    const { type = "", items } = schema;
    if (type !== "" && !types.includes(type)) this.faults.notSupported(`${path}.type`, type, types);
    if (schema.default !== undefined && defaultBan !== undefined) {
      this.faults.forbidden(`${path}.default`, `must not be set ${defaultBan}`);
    }
    for (const field of unsupported) {
      if (schema[field] !== undefined) this.faults.forbidden(`${path}.${field}`, `${field} is not supported`);
    }
    if (type === "null") {
      this.faults.forbidden(`${path}.type`, "type cannot be set to null, use nullable as an alternative");
    }
    if (Array.isArray(items)) {
      this.faults.forbidden(`${path}.items`, "items must be a schema object and not an array");
    }
    if (isMeta && schema["x-kubernetes-embedded-resource"] === true) {
      const field = `${path}.x-kubernetes-embedded-resource`;
      this.faults.forbidden(field, "must not be used inside of resource meta");
    }
  }

  #values({ additionalProperties, properties, maxProperties }: JSONSchemaProps, place: Place): void {
    if (additionalProperties === undefined) return;
    const path = `${place.path}.additionalProperties`;
    if (properties !== undefined && additionalProperties !== true) {
      this.faults.forbidden(path, "additionalProperties and properties are mutual exclusive");
    }
    if (typeof additionalProperties !== "object") return;
    const defaultBan = place.isMeta
      ? "inside additionalProperties applying to object metadata"
      : place.defaultBan;
    const cardinality = product(place.cardinality, maxProperties);
    this.schema(additionalProperties, { ...place, path, isRoot: false, defaultBan, cardinality });
  }

  #properties(schema: JSONSchemaProps, place: Place): void {
    const isResource = place.isRoot || schema["x-kubernetes-embedded-resource"] === true;
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const isMeta = isResource && metaFields.has(name);
      this.schema(property, {
        ...place,
        path: `${place.path}.properties[${name}]`,
        isRoot: false,
        isMeta: place.isMeta || isMeta,
        defaultBan: isMeta && place.isRoot ? `in top-level ${name}` : place.defaultBan,
        oldSelfBan: place.oldSelfBan ?? (isKnownMap(schema) ? undefined : place.path),
      });
    }
  }

  #logic(schema: JSONSchemaProps, place: Place): void {
    const nested = (inner: JSONSchemaProps, field: string): void => {
      this.schema(inner, { ...place, path: `${place.path}.${field}`, isRoot: false, hasRules: false });
    };
    if (schema.not !== undefined) nested(schema.not, "not");
    for (const field of ["allOf", "oneOf", "anyOf"] as const) {
      for (const [index, inner] of (schema[field] ?? []).entries()) nested(inner, `${field}[${index}]`);
    }
  }

  #items(schema: JSONSchemaProps, place: Place): void {
    const { items } = schema;
    if (items === undefined) return;
    const isCorrelatable = schema["x-kubernetes-list-type"] === "map";
    const inner = {
      ...place,
      isRoot: false,
      cardinality: product(place.cardinality, schema.maxItems),
      oldSelfBan: place.oldSelfBan ?? (isCorrelatable ? undefined : place.path),
    };
    if (!Array.isArray(items)) {
      this.schema(items, { ...inner, path: `${place.path}.items` });
      return;
    }
    for (const [index, each] of items.entries()) {
      this.schema(each, { ...inner, path: `${place.path}.items[${index}]` });
    }
  }

  #rules(schema: JSONSchemaProps, place: Place, isFine: boolean): void {
    const rules = schema["x-kubernetes-validations"] ?? [];
    if (rules.length === 0) return;
    const before = this.faults.count;
    const path = `${place.path}.x-kubernetes-validations`;
    for (const [index, rule] of rules.entries()) this.#rule(rule, schema, `${path}[${index}]`);
    if (!isFine || this.faults.count > before || !place.hasRules || this.#checker === undefined) return;
    this.ruleFaults.push(...this.#checker.check(schema, place));
  }

  #rule(rule: ValidationRule, schema: JSONSchemaProps, path: string): void {
    const { message = "", messageExpression = "", reason, fieldPath = "" } = rule;
    const text = rule.rule.trim();
    const shown = message.trim();
    if (text === "") this.faults.required(`${path}.rule`, "rule is not specified");
    else if (message !== "" && shown === "") {
      this.faults.invalid(`${path}.message`, message, "message must be non-empty if specified");
    } else if (hasLineBreak(shown)) {
      this.faults.invalid(`${path}.message`, message, "message must not contain line breaks");
    } else if (hasLineBreak(text) && shown === "") {
      this.faults.required(`${path}.message`, "message must be specified if rule contains line breaks");
    }
    if (messageExpression !== "" && messageExpression.trim() === "") {
      this.faults.required(`${path}.messageExpression`, "messageExpression must be non-empty if specified");
    }
    this.faults.optionalOneOf(`${path}.reason`, reason, reasons);
    if (fieldPath !== "") this.#fieldPath(fieldPath, schema, `${path}.fieldPath`);
  }

  #fieldPath(fieldPath: string, schema: JSONSchemaProps, path: string): void {
    if (fieldPath.trim() === "") {
      this.faults.invalid(path, fieldPath, "fieldPath must be non-empty if specified");
    }
    if (hasLineBreak(fieldPath)) {
      this.faults.invalid(path, fieldPath, "fieldPath must not contain line breaks");
    }
    if (typeof findField(fieldPath, schema, true) === "string") {
      this.faults.invalid(path, fieldPath, "fieldPath must be a valid path");
    }
  }
}

/** Of other types of maps nobody knows which value was which. */
const isKnownMap = ({ "x-kubernetes-map-type": type = "granular" }: JSONSchemaProps): boolean =>
  type === "granular" || type === "atomic";

const product = (a: number | undefined, b: number | bigint | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a * Math.max(0, Number(b));

const hasLineBreak = (text: string): boolean => /[\n\r]/.test(text);
