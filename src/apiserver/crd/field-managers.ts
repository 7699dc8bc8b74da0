/** Who manages what in custom resources. upstream: apiextensions-apiserver/pkg/registry/customresource/strategy.go GetResetFields */
import { parseApiVersion, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import { FieldManager } from "#api/patch/apply/field-manager.ts";
import { setOfPaths } from "#api/patch/apply/field-tree.ts";
import type { ManagersReader } from "#api/patch/apply/managers-reader.ts";
import type { AskConversion } from "#api/patch/apply/known-versions.ts";
import type { KindVersions } from "#api/patch/apply/object-state.ts";
import { fieldKey } from "#api/patch/apply/path-element.ts";
import type { ApplyType } from "#api/patch/apply/schema.ts";
import { assert } from "#base/assert.ts";
import type { Converter } from "./converter.ts";
import { resourceApplyType } from "#api/schema/structural/apply-type.ts";
import type { CompiledSchema } from "#api/schema/structural/compiled-schema.ts";

export interface ManagedParts {
  readonly crd: CustomResourceDefinition;
  readonly schemas: ReadonlyMap<string, CompiledSchema>;
  readonly converter: Converter;
}

export interface ManagedDeps {
  readonly managersReader: ManagersReader;
  readonly metaType: () => ApplyType;
}

/** Of a new status subresource, all but the status is out of reach; of the resource itself, the status. */
export function fieldManagerOf(
  gvk: GroupVersionKind,
  subresource: string,
  { crd, schemas, converter }: ManagedParts,
  { managersReader, metaType }: ManagedDeps,
): FieldManager {
  const version = crd.spec.versions.find(({ name }) => name === gvk.version);
  const hasStatus = version?.subresources?.status !== undefined;
  const reset =
    subresource === "status" ? ["metadata", "spec"] : hasStatus && subresource === "" ? ["status"] : [];
  return new FieldManager(
    {
      gvk,
      subresource,
      ignored: { reset: setOfPaths(reset.map((name) => [fieldKey(name)])) },
      versions: new CustomVersions(schemas, converter, metaType),
    },
    managersReader,
  );
}

export class CustomVersions implements KindVersions {
  readonly #schemas: ReadonlyMap<string, CompiledSchema>;
  readonly #metaType: () => ApplyType;
  readonly #converter: Converter;
  readonly #types = new Map<string, ApplyType>();

  constructor(schemas: ReadonlyMap<string, CompiledSchema>, converter: Converter, metaType: () => ApplyType) {
    this.#schemas = schemas;
    this.#converter = converter;
    this.#metaType = metaType;
  }

  typeOf(apiVersion: string): ApplyType | undefined {
    const known = this.#types.get(apiVersion);
    if (known !== undefined) return known;
    const schema = this.#schemas.get(parseApiVersion(apiVersion).version)?.schema;
    if (schema === undefined) return undefined;
    const type = resourceApplyType(schema, this.#metaType);
    this.#types.set(apiVersion, type);
    return type;
  }

  convert(object: AnyObject, _from: string, to: string): AnyObject {
    const { convertNow } = this.#converter;
    assert(convertNow !== undefined, "only a webhook can convert this");
    return convertNow(object, to);
  }

  /** A webhook says what a manager of another version owns. Of who manages what it isn't told, as in upstream. */
  get ask(): AskConversion | undefined {
    if (this.#converter.convertNow !== undefined) return undefined;
    return async ({ metadata, ...rest }, to) => {
      const { managedFields: _managers, ...told } = metadata ?? {};
      const [converted] = await this.#converter.convert([{ ...rest, metadata: told }], to);
      assert(converted !== undefined, "a converter gave nothing back");
      return converted;
    };
  }
}
