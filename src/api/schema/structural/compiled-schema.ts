/** All that the schema of one version does to objects, compiled once. */
import type { FieldError } from "../../meta/field-error.ts";
import type { AnyObject } from "../../meta/object.ts";
import { DefaultFiller, dropNulls } from "./default.ts";
import { listTypeFaults } from "./list-types.ts";
import { coerceMeta, metaFaults, type MetaReader } from "./object-meta.ts";
import { prune } from "./prune.ts";
import type { CompileRules, CompiledRules } from "./rules.ts";
import { keepsUnknown, type Structural } from "./structural.ts";
import { compileSchema, type CompilePattern, type ValueCheck } from "./validate.ts";

export interface CompiledSchemaDeps {
  readonly read: MetaReader;
  readonly compileRules: CompileRules;
  readonly compilePattern: CompilePattern;
}

/** Fault types that make rules pointless: they could trip over what is wrong. */
const blocking = new Set<FieldError["type"]>([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

const unchecked: FieldError = {
  type: "FieldValueInvalid",
  field: "<nil>",
  message:
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
};

export class CompiledSchema {
  readonly schema: Structural;
  readonly #read: MetaReader;
  readonly #compileRules: CompileRules;
  readonly #compilePattern: CompilePattern;
  readonly #defaults: DefaultFiller;
  #check: ValueCheck | undefined;
  #rules: { readonly compiled: CompiledRules | undefined } | undefined;

  constructor(schema: Structural, { read, compileRules, compilePattern }: CompiledSchemaDeps) {
    this.schema = schema;
    this.#read = read;
    this.#defaults = new DefaultFiller(schema);
    this.#compileRules = compileRules;
    this.#compilePattern = compilePattern;
  }

  /** The whole object is left as it is: nothing is unknown. */
  get keepsAll(): boolean {
    return keepsUnknown(this.schema) && this.schema.properties === undefined;
  }

  /**
   * Drops what is unknown, and nulls that stand for nothing; reads embedded metadata. The object's own metadata is the
   * caller's business. Changes `object`; answers the paths of what was dropped.
   */
  trim(
    object: AnyObject,
    { dropsMisfits, keepsNulls = false }: { readonly dropsMisfits: boolean; readonly keepsNulls?: boolean },
  ): { fault: FieldError | undefined; unknownFields: string[] } {
    const unknownFields = prune(object, this.schema, true);
    if (!keepsNulls) dropNulls(object, this.schema);
    const coerced = coerceMeta(object, this.schema, { read: this.#read, dropsMisfits, isResource: false });
    return { fault: coerced.fault, unknownFields: [...unknownFields, ...coerced.unknownFields] };
  }

  /** Changes `object`. Its apiVersion, kind and metadata are never defaulted. */
  fillDefaults(object: AnyObject): void {
    this.#defaults.fill(object);
  }

  /** Of types, bounds and patterns. `old`: unchanged parts of it may stay as they are. */
  valueFaults(object: AnyObject, old: AnyObject | undefined): readonly FieldError[] {
    this.#check ??= compileSchema(this.schema, this.#compilePattern);
    return this.#check(object, "", old === undefined ? undefined : { value: old }).faults;
  }

  /** Of embedded resources and of lists that are sets or maps. What broke a list's rule before may do so again. */
  structureFaults(object: AnyObject, old: AnyObject | undefined): readonly FieldError[] {
    const mayRepeat = old !== undefined && listTypeFaults(old, this.schema).length > 0;
    return [...metaFaults(object, this.schema), ...(mayRepeat ? [] : listTypeFaults(object, this.schema))];
  }

  /** Of x-kubernetes-validations. `known`: what else was found; `warn` is told what may stay as it was. */
  ruleFaults(
    object: AnyObject,
    old: AnyObject | undefined,
    { known, warn }: { readonly known: readonly FieldError[]; readonly warn?: (text: string) => void },
  ): readonly FieldError[] {
    this.#rules ??= { compiled: this.#compileRules(this.schema) };
    const { compiled } = this.#rules;
    if (compiled === undefined) return [];
    return known.some(({ type }) => blocking.has(type)) ? [unchecked] : compiled.faults(object, old, warn);
  }
}
