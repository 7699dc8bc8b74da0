/**
 * Custom resources as they are read: converted from the version they were stored in, trimmed to the schema, defaulted,
 * and with their keys in order, as upstream's maps are written.
 * upstream: apiextensions-apiserver/pkg/apiserver/customresource_handler.go (crdConversionRESTOptionsGetter, schemaCoercingConverter)
 */
import { inKeyOrder } from "#api/codec/go-json.ts";
import { parseApiVersion, type AnyObject } from "#api/meta/object.ts";
import { copyJson } from "#api/patch/json-value.ts";
import type { CompiledSchema } from "#api/schema/structural/compiled-schema.ts";
import type { StorageForm } from "#apiserver/registry/storage-form.ts";
import { sealed, type StoredObject } from "#apiserver/registry/stored-object.ts";
import { assert } from "#base/assert.ts";
import type { Converter } from "./converter.ts";

export interface CustomFormOptions {
  /** "example.com/v1" */
  readonly apiVersion: string;
  readonly storageApiVersion: string;
  /** Of every version, by its name. */
  readonly schemas: ReadonlyMap<string, CompiledSchema>;
}

export class CustomForm implements StorageForm {
  readonly #options: CustomFormOptions;
  readonly #converter: Converter;
  readonly #views = new WeakMap<StoredObject, AnyObject>();

  constructor(options: CustomFormOptions, converter: Converter) {
    this.#options = options;
    this.#converter = converter;
  }

  prepare(objects: readonly StoredObject[]): Promise<void> | undefined {
    const missing = objects.filter((stored) => !this.#views.has(stored) && !this.#isAtHand(stored));
    return missing.length === 0 ? undefined : this.#convert(missing);
  }

  async #convert(missing: readonly StoredObject[]): Promise<void> {
    const { apiVersion } = this.#options;
    const converted = await this.#converter.convert(
      missing.map((stored) => this.#trimmed(copyJson(stored.object))),
      apiVersion,
    );
    for (const [index, stored] of missing.entries()) {
      const object = converted[index];
      assert(object !== undefined, `no conversion of ${stored.namespace}/${stored.name}`);
      this.#keep(stored, this.#trimmed(object));
    }
  }

  view(stored: StoredObject): AnyObject {
    const view = this.#views.get(stored) ?? this.#made(stored);
    assert(view !== undefined, `${stored.namespace}/${stored.name} is looked at before it was converted`);
    return view;
  }

  async encode(object: AnyObject): Promise<AnyObject> {
    const { storageApiVersion } = this.#options;
    if (object.apiVersion === storageApiVersion) return object;
    const [converted] = await this.#converter.convert([object], storageApiVersion);
    assert(converted !== undefined, "a converter gave nothing back");
    return this.#trimmed(Object.isFrozen(converted) ? copyJson(converted) : converted);
  }

  #isAtHand(stored: StoredObject): boolean {
    return this.#converter.convertNow !== undefined || stored.object.apiVersion === this.#options.apiVersion;
  }

  #made(stored: StoredObject): AnyObject | undefined {
    const { apiVersion } = this.#options;
    const object = this.#trimmed(copyJson(stored.object));
    if (object.apiVersion === apiVersion) return this.#keep(stored, object);
    const converted = this.#converter.convertNow?.(object, apiVersion);
    return converted === undefined ? undefined : this.#keep(stored, this.#trimmed(converted));
  }

  #keep(stored: StoredObject, object: AnyObject): AnyObject {
    this.#schemaOf(object)?.fillDefaults(object);
    const view = sealed(inKeyOrder(object));
    this.#views.set(stored, view);
    return view;
  }

  #trimmed(object: AnyObject): AnyObject {
    this.#schemaOf(object)?.trim(object, { dropsMisfits: true });
    return object;
  }

  #schemaOf({ apiVersion = "" }: AnyObject): CompiledSchema | undefined {
    return this.#options.schemas.get(parseApiVersion(apiVersion).version);
  }
}
