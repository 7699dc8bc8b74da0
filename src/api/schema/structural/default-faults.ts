/** Defaults must themselves be as the schema wants them. upstream: apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go */
import { fieldErrorText, invalid, type FieldError } from "../../meta/field-error.ts";
import { jsonEqual } from "../../patch/json-value.ts";
import { coerceMeta, metaFaults, type MetaReader } from "./object-meta.ts";
import { prune } from "./prune.ts";
import { objectBudget, type DefaultRuleFaults, type RuleBudget } from "./rules.ts";
import { asResource, hasDefault, isEmbedded, itemsOf, metaFields, type Structural } from "./structural.ts";
import { compileSchema, faultsOf, type CompilePattern } from "./validate.ts";

export interface DefaultDeps {
  readonly read: MetaReader;
  readonly rules: DefaultRuleFaults;
  readonly compilePattern: CompilePattern;
}

/** Puts a value where it belongs in an otherwise plain object. */
type Surround = (value: unknown) => unknown;

interface Place {
  readonly path: string;
  /** The resource that this is metadata of, and how to get there. */
  readonly resource: Structural;
  readonly surround: Surround;
  readonly isMeta: boolean;
}

const plainResource = (content: object): unknown => ({
  apiVersion: "validation/v1",
  kind: "Validation",
  ...content,
});

export function defaultFaults(schema: Structural, path: string, deps: DefaultDeps): FieldError[] {
  const root = asResource(schema);
  const check = new DefaultCheck(deps);
  check.walk(root, { path, resource: root, surround: (value) => value, isMeta: false });
  return check.faults;
}

class DefaultCheck {
  readonly faults: FieldError[] = [];
  readonly #budget: RuleBudget = { left: objectBudget };
  readonly #deps: DefaultDeps;

  constructor(deps: DefaultDeps) {
    this.#deps = deps;
  }

  /** Once there is no budget for rules left nothing more is looked at. */
  walk(schema: Structural, outer: Place): void {
    const isRoot = isEmbedded(schema);
    const place: Place = isRoot
      ? { ...outer, resource: schema, surround: (value) => value, isMeta: false }
      : outer;
    if (hasDefault(schema)) this.#own(schema, place);
    for (const [inner, innerPlace] of insideOf(schema, place, isRoot)) {
      if (this.#budget.left < 0) return;
      this.walk(inner, innerPlace);
    }
  }

  #own(schema: Structural, place: Place): void {
    const { read, compilePattern, rules } = this.#deps;
    const path = `${place.path}.default`;
    const value: unknown = structuredClone(schema.default);
    if (!place.isMeta && !isPruned(value, schema)) {
      this.faults.push(invalid(path, value, "must not have unknown fields"));
    }
    const meta = place.isMeta
      ? withinMetaFaults(value, place, path, read)
      : contentFaults(value, schema, path, read);
    const found =
      meta.length > 0 ? meta : faultsOf(compileSchema(schema, compilePattern)(value, "", undefined), path);
    this.faults.push(...(found.length > 0 ? found : rules(schema, { value, path }, this.#budget)));
  }
}

function* insideOf(schema: Structural, place: Place, isRoot: boolean): Generator<[Structural, Place]> {
  const items = itemsOf(schema);
  if (items !== undefined) {
    const surround: Surround = (value) => place.surround([value]);
    yield [items, { ...place, path: `${place.path}.items`, surround }];
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const inner: Place = {
      ...place,
      path: `${place.path}.properties[${name}]`,
      surround: (value) => place.surround(isRoot ? plainResource({ [name]: value }) : { [name]: value }),
      isMeta: place.isMeta || (isRoot && metaFields.has(name)),
    };
    yield [property, inner];
  }
}

function isPruned(value: unknown, schema: Structural): boolean {
  const pruned: unknown = structuredClone(value);
  prune(pruned, schema, isEmbedded(schema));
  return jsonEqual(pruned, value);
}

function contentFaults(value: unknown, schema: Structural, path: string, read: MetaReader): FieldError[] {
  const isResource = isEmbedded(schema);
  const { fault } = coerceMeta(value, schema, { read, dropsMisfits: false, isResource }, path);
  return fault === undefined ? metaFaults(value, schema, isResource, path) : [fault];
}

function withinMetaFaults(value: unknown, place: Place, path: string, read: MetaReader): FieldError[] {
  const whole: unknown = place.surround(structuredClone(value));
  const options = { read, dropsMisfits: false, isResource: true };
  const { fault } = coerceMeta(whole, place.resource, options);
  const found = fault === undefined ? metaFaults(whole, place.resource, true) : [fault];
  if (found.length === 0) return [];
  const texts = found.map(fieldErrorText);
  const text = texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
  return [invalid(path, value, `must result in valid metadata: ${text}`)];
}
