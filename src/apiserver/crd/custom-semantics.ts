/**
 * Custom resources on their way in: JSON or YAML, trimmed to their schema, with what was dropped told.
 * upstream: apiextensions-apiserver/pkg/apiserver/customresource_handler.go (schemaCoercingDecoder, unstructuredDefaulter)
 */
import { bodyText } from "#api/codec/body-text.ts";
import type { StructZeros } from "#api/codec/go-zeros.ts";
import { decodeAny } from "#api/codec/json.ts";
import type { YamlReading } from "#api/codec/yaml.ts";
import { DecodeError } from "#api/codec/decode-error.ts";
import { claimInValue } from "#api/codec/kind-claim.ts";
import { apiVersionOf, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import { badRequestError } from "#api/meta/status.ts";
import { applyJsonPatch } from "#api/patch/json.ts";
import { isMap } from "#api/patch/json-value.ts";
import type { ApplyType } from "#api/patch/apply/schema.ts";
import { applyMerge } from "#api/patch/merge.ts";
import { resourceApplyType } from "#api/schema/structural/apply-type.ts";
import type { CompiledSchema } from "#api/schema/structural/compiled-schema.ts";
import { readMeta, type MetaReader } from "#api/schema/structural/object-meta.ts";
import type { RequestBody } from "#apiserver/request/call.ts";
import { jsonMediaType, mediaTypeOf, yamlMediaType } from "#apiserver/request/media-type.ts";
import type { Decoded, Patch, TypeSemantics } from "#apiserver/request/semantics.ts";
import { claimOf, unsupportedMediaType } from "#apiserver/request/type-semantics.ts";

export interface CustomSemanticsDeps {
  readonly schema: CompiledSchema;
  readonly read: MetaReader;
  /** Of everything that isn't the resource itself: options, scales. */
  readonly base: TypeSemantics;
  /** Of all metadata, for server-side apply. */
  readonly metaType: () => ApplyType;
  /** Throws DecodeError. */
  readonly readYaml: (bytes: Buffer) => YamlReading;
}

const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/apply-patch+yaml",
];

export class CustomSemantics implements TypeSemantics {
  readonly #kind: GroupVersionKind;
  readonly #deps: CustomSemanticsDeps;

  constructor(kind: GroupVersionKind, deps: CustomSemanticsDeps) {
    this.#kind = kind;
    this.#deps = deps;
  }

  async decode(body: RequestBody, kind: GroupVersionKind): Promise<Decoded> {
    if (!this.#isOwn(kind)) return this.#deps.base.decode(body, kind);
    const bytes = body.value === undefined ? await body.bytes() : Buffer.alloc(0);
    try {
      const { object, strictFaults } = this.#parse(body, bytes);
      return this.#judged(object, strictFaults, bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const claim = claimOf(body, bytes, this.#deps.readYaml);
      const why = typeof claim === "string" && claim !== "" ? claim : error.message;
      throw unrecognized(kind, why, bytes, error);
    }
  }

  decodeOptions(body: RequestBody, kind: string): Promise<AnyObject | undefined> {
    return this.#deps.base.decodeOptions(body, kind);
  }

  check(value: AnyObject, kind: GroupVersionKind): Decoded {
    if (!this.#isOwn(kind)) return this.#deps.base.check(value, kind);
    return this.#judged(structuredClone(value), [], Buffer.alloc(0));
  }

  /** Where apply took all that was in a map or list, null is left: upstream has validation say so, and refuses it. */
  checkApplied(value: AnyObject, kind: GroupVersionKind, old?: AnyObject): Decoded {
    if (!this.#isOwn(kind)) return this.#deps.base.checkApplied(value, kind, old);
    return this.#judged(structuredClone(value), [], Buffer.alloc(0), { keepsNulls: true });
  }

  applyType(kind: GroupVersionKind): ApplyType {
    return this.#isOwn(kind)
      ? resourceApplyType(this.#deps.schema.schema, this.#deps.metaType)
      : this.#deps.base.applyType(kind);
  }

  applyDefaults(object: AnyObject, kind: GroupVersionKind): void {
    if (this.#isOwn(kind)) this.#deps.schema.fillDefaults(object);
    else this.#deps.base.applyDefaults(object, kind);
  }

  zeros(kind: GroupVersionKind): StructZeros | undefined {
    return this.#isOwn(kind) ? undefined : this.#deps.base.zeros(kind);
  }

  patch(current: AnyObject, patch: Patch, kind: GroupVersionKind): AnyObject {
    if (!this.#isOwn(kind)) return this.#deps.base.patch(current, patch, kind);
    switch (patch.mediaType) {
      case "application/json-patch+json":
        return applyJsonPatch(current, patch.body) as AnyObject;
      case "application/merge-patch+json":
        return applyMerge(current, patch.body) as AnyObject;
      case "application/strategic-merge-patch+json":
        throw unsupportedMediaType(patchTypes);
    }
  }

  #isOwn({ group, kind }: GroupVersionKind): boolean {
    return group === this.#kind.group && kind === this.#kind.kind;
  }

  #parse(body: RequestBody, bytes: Buffer): Decoded {
    if (body.value !== undefined) {
      return { object: structuredClone(body.value) as AnyObject, strictFaults: [] };
    }
    switch (mediaTypeOf(body.contentType)) {
      case jsonMediaType:
        return decodeAny(bodyText(bytes));
      case yamlMediaType: {
        const { value, strictFaults } = this.#deps.readYaml(bytes);
        if (!isMap(value)) {
          throw new DecodeError(
            "json: cannot unmarshal non-object into Go value of type map[string]interface {}",
          );
        }
        return { object: value, strictFaults };
      }
      default:
        throw unsupportedMediaType([jsonMediaType, yamlMediaType]);
    }
  }

  /** Its own kind and metadata first, then what the schema says. */
  #judged(
    sent: AnyObject,
    strictFaults: readonly string[],
    bytes: Buffer,
    { keepsNulls = false } = {},
  ): Decoded {
    const expected = apiVersionOf(this.#kind);
    const { apiVersion = "", kind = "", metadata, ...rest } = sent;
    const claim = claimInValue({ apiVersion, kind });
    if (typeof claim === "string") throw unrecognized(this.#kind, claim, bytes, new DecodeError(claim));
    if (kind === "") {
      throw unrecognized(this.#kind, `Object 'Kind' is missing in '${bytes.toString("utf8")}'`, bytes);
    }
    if (apiVersion !== expected) {
      throw badRequestError(
        `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
      );
    }
    const meta = metadata === undefined ? undefined : this.#meta(metadata, kind);
    const object: AnyObject = { kind, apiVersion, metadata: meta?.metadata ?? {}, ...rest };
    const { fault, unknownFields } = this.#deps.schema.trim(object, { dropsMisfits: false, keepsNulls });
    if (fault !== undefined) throw this.#unfit(kind, `${fault.field}: ${fault.message}`);
    const unknown = [...(meta?.unknownFields.map((name) => `metadata.${name}`) ?? []), ...unknownFields];
    return {
      object,
      strictFaults: [...strictFaults, ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`)],
    };
  }

  #meta(metadata: unknown, kind: string): ReturnType<MetaReader> {
    try {
      return readMeta(metadata, { read: this.#deps.read, dropsMisfits: false });
    } catch (error) {
      throw this.#unfit(kind, error instanceof Error ? error.message : "invalid metadata");
    }
  }

  #unfit(kind: string, why: string): Error {
    const { version, kind: own } = this.#kind;
    return badRequestError(
      `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${own}: ${why}`,
      { cause: new DecodeError(why) },
    );
  }
}

const summaryMax = 30;

function unrecognized(
  { kind }: GroupVersionKind,
  why: string,
  bytes: Buffer,
  cause?: Error,
): ReturnType<typeof badRequestError> {
  const head = bytes.subarray(0, summaryMax).toString(bytes[0] === 0x7b ? "utf8" : "hex");
  const summary = bytes.length === 0 ? "<empty>" : bytes.length > summaryMax ? `${head} ...` : head;
  const text = `the object provided is unrecognized (must be of type ${kind}): ${why} (${summary})`;
  return badRequestError(text, cause === undefined ? {} : { cause });
}
