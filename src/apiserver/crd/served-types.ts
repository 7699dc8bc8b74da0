/** One custom resource as others than its handlers meet it: in all its versions, stored or served. */
import { parseApiVersion, type AnyObject } from "#api/meta/object.ts";
import type { KindVersions } from "#api/patch/apply/object-state.ts";
import type { ApplyType } from "#api/patch/apply/schema.ts";
import type { CompiledSchema } from "#api/schema/structural/compiled-schema.ts";
import { assert } from "#base/assert.ts";
import type { Converter } from "./converter.ts";

export class ServedTypes {
  readonly #schemas: ReadonlyMap<string, CompiledSchema>;
  readonly #converter: Converter;
  readonly #versions: KindVersions;

  constructor(schemas: ReadonlyMap<string, CompiledSchema>, converter: Converter, versions: KindVersions) {
    this.#schemas = schemas;
    this.#converter = converter;
    this.#versions = versions;
  }

  /** How objects of that version are merged; undefined for one that isn't served. */
  applyType(apiVersion: string): ApplyType | undefined {
    return this.#versions.typeOf(apiVersion);
  }

  /** Shares nothing with `object`. Throws StatusError. */
  async convert(object: AnyObject, apiVersion: string): Promise<AnyObject> {
    const [converted] = await this.#converter.convert([object], apiVersion);
    assert(converted !== undefined, "a converter gave nothing back");
    return structuredClone(converted);
  }

  /** By the version that the object says it is of. */
  fillDefaults(object: AnyObject): void {
    this.#schemas.get(parseApiVersion(object.apiVersion ?? "").version)?.fillDefaults(object);
  }
}
