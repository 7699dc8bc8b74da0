/** Types as the type table knows them: decoding with strictness, defaults, patches. */
import { DecodeError } from "#api/codec/decode-error.ts";
import type { JsonDecoder } from "#api/codec/json.ts";
import type { ProtobufCodec } from "#api/codec/protobuf.ts";
import { applyDefaults } from "#api/defaults.ts";
import { apiVersionOf, parseApiVersion, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import { badRequestError, failure, type StatusError } from "#api/meta/status.ts";
import { applyJsonPatch } from "#api/patch/json.ts";
import { applyMerge } from "#api/patch/merge.ts";
import type { ApplyType } from "#api/patch/apply/schema.ts";
import { TableSchema } from "#api/patch/apply/table-schema.ts";
import { applyStrategic } from "#api/patch/strategic.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { Scheme } from "#api/scheme.ts";
import type { RequestBody } from "./call.ts";
import { jsonMediaType, mediaTypeOf, protobufMediaType, yamlMediaType } from "./media-type.ts";
import type { Decoded, Patch, TypeSemantics } from "./semantics.ts";

export interface TypeSemanticsDeps {
  readonly scheme: Scheme;
  readonly table: TypeTable;
  readonly json: JsonDecoder;
  readonly protobuf: ProtobufCodec;
  /** Throws DecodeError. */
  readonly parseYaml: (text: string) => unknown;
}

const optionsPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";

export class TableSemantics implements TypeSemantics {
  readonly #deps: TypeSemanticsDeps;
  readonly #schema: TableSchema;

  constructor(deps: TypeSemanticsDeps) {
    this.#deps = deps;
    this.#schema = new TableSchema(deps.table);
  }

  async decode(body: RequestBody, kind: GroupVersionKind): Promise<Decoded> {
    const bytes = body.value === undefined ? await body.bytes() : Buffer.alloc(0);
    try {
      return this.#identified(this.#decode(body, bytes, this.#structOf(kind), kind), kind);
    } catch (error) {
      if (error instanceof DecodeError) throw this.#unreadable(body, bytes, kind, error);
      throw error;
    }
  }

  async decodeOptions(body: RequestBody, kind: string): Promise<AnyObject | undefined> {
    const bytes = body.value === undefined ? await body.bytes() : Buffer.alloc(0);
    if (body.value === undefined && bytes.length === 0) return undefined;
    const gvk = { group: "meta.k8s.io", version: "v1", kind };
    try {
      return this.#decode(body, bytes, `${optionsPackage}.${kind}`, gvk).object;
    } catch (error) {
      if (error instanceof DecodeError) throw this.#unreadable(body, bytes, gvk, error);
      throw error;
    }
  }

  check(value: AnyObject, kind: GroupVersionKind): Decoded {
    try {
      return this.#identified(this.#deps.json.fromValue(value, this.#structOf(kind)), kind);
    } catch (error) {
      if (error instanceof DecodeError) {
        throw badRequestError(cannotHandle(kind, kind.kind, error.message), { cause: error });
      }
      throw error;
    }
  }

  applyDefaults(object: AnyObject, kind: GroupVersionKind): void {
    applyDefaults(kind, object);
  }

  applyType(kind: GroupVersionKind): ApplyType {
    return this.#schema.struct(this.#structOf(kind));
  }

  patch(current: AnyObject, { mediaType, body }: Patch, kind: GroupVersionKind): AnyObject {
    switch (mediaType) {
      case "application/json-patch+json":
        return applyJsonPatch(current, body) as AnyObject;
      case "application/merge-patch+json":
        return applyMerge(current, body) as AnyObject;
      case "application/strategic-merge-patch+json":
        if (typeof body !== "object" || body === null || Array.isArray(body)) {
          throw badRequestError("error decoding patch: a strategic merge patch must be an object");
        }
        return applyStrategic(
          current,
          body as Record<string, unknown>,
          this.#structOf(kind),
          this.#deps.table,
        );
    }
  }

  #structOf(kind: GroupVersionKind): string {
    return this.#deps.scheme.structOf(kind) ?? "";
  }

  #decode(body: RequestBody, bytes: Buffer, struct: string, kind: GroupVersionKind): Decoded {
    const { json, protobuf, parseYaml } = this.#deps;
    if (body.value !== undefined) return json.fromValue(body.value, struct);
    switch (mediaTypeOf(body.contentType)) {
      case jsonMediaType:
        return json.decode(bytes.toString("utf8"), struct);
      case yamlMediaType:
        return json.fromValue(parseYaml(bytes.toString("utf8")), struct);
      case protobufMediaType:
        return { object: protobuf.decode(bytes, kind), strictFaults: [] };
      default:
        throw unsupportedMediaType([jsonMediaType, yamlMediaType, protobufMediaType]);
    }
  }

  /** Puts kind and apiVersion first; absent ones are those of the request. */
  #identified({ object, strictFaults }: Decoded, kind: GroupVersionKind): Decoded {
    const expected = apiVersionOf(kind);
    const { apiVersion = "", kind: own = "", ...rest } = object;
    if (apiVersion !== "" && apiVersion !== expected) {
      throw badRequestError(
        `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
      );
    }
    if (own !== "" && own !== kind.kind) {
      const why = `converting (${goName(kind, own)}) to (${goName(kind, kind.kind)}): unknown conversion`;
      throw badRequestError(cannotHandle({ ...kind, kind: own }, kind.kind, why));
    }
    return { object: { kind: kind.kind, apiVersion: expected, ...rest }, strictFaults };
  }

  /** The 400 for a body that can't be decoded: what it says it is decides the wording. */
  #unreadable(body: RequestBody, bytes: Buffer, kind: GroupVersionKind, error: DecodeError): StatusError {
    const claimed = claimOf(body, bytes);
    if (claimed === undefined) {
      return badRequestError(
        `the object provided is unrecognized (must be of type ${kind.kind}): ${error.message} (${summary(bytes)})`,
        { cause: error },
      );
    }
    const { apiVersion = apiVersionOf(kind), kind: own = kind.kind } = claimed;
    if (apiVersion !== apiVersionOf(kind) && kind.group !== "meta.k8s.io") {
      return badRequestError(
        `the API version in the data (${apiVersion}) does not match the expected API version (${apiVersionOf(kind)})`,
        { cause: error },
      );
    }
    const said = { ...parseApiVersion(apiVersion), kind: own };
    return badRequestError(cannotHandle(said, kind.kind, error.message), { cause: error });
  }
}

const cannotHandle = ({ version, kind }: GroupVersionKind, expected: string, why: string): string =>
  `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected}: ${why}`;

const goName = ({ version }: GroupVersionKind, kind: string): string => `${version}.${kind}`;

export const unsupportedMediaType = (accepted: readonly string[]): StatusError =>
  failure({
    code: 415,
    reason: "UnsupportedMediaType",
    message: `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  });

/** What a JSON body says it is; undefined when it isn't even JSON, or says it with what is no text. */
function claimOf(body: RequestBody, bytes: Buffer): { apiVersion?: string; kind?: string } | undefined {
  if (body.value !== undefined) return body.value as AnyObject as { apiVersion?: string; kind?: string };
  if (mediaTypeOf(body.contentType) !== jsonMediaType) return {};
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { apiVersion = "", kind = "" } = value as Readonly<Record<string, unknown>>;
    return typeof apiVersion === "string" && typeof kind === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

const summaryMax = 30;

function summary(bytes: Buffer): string {
  if (bytes.length === 0) return "<empty>";
  const head = bytes.subarray(0, summaryMax).toString(bytes[0] === 0x7b ? "utf8" : "hex");
  return bytes.length > summaryMax ? `${head} ...` : head;
}
