/** Types as the type table knows them: decoding with strictness, defaults, patches. */
import { apiVersionOf, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import { badRequestError, failure } from "#api/meta/status.ts";
import { applyJsonPatch } from "#api/patch/json.ts";
import { applyMerge } from "#api/patch/merge.ts";
import { applyStrategic } from "#api/patch/strategic.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { Scheme } from "#api/scheme.ts";
import type { RequestBody } from "./call.ts";
import { jsonMediaType, mediaTypeOf } from "./media-type.ts";
import type { Decoded, Patch, TypeSemantics } from "./semantics.ts";

export interface TypeSemanticsDeps {
  readonly scheme: Scheme;
  readonly table: TypeTable;
}

export class TableSemantics implements TypeSemantics {
  readonly #deps: TypeSemanticsDeps;

  constructor(deps: TypeSemanticsDeps) {
    this.#deps = deps;
  }

  async decode(body: RequestBody, kind: GroupVersionKind): Promise<Decoded> {
    const value = body.value ?? (await this.#parse(body));
    return this.check(structuredClone(value) as AnyObject, kind);
  }

  async decodeOptions(body: RequestBody): Promise<AnyObject | undefined> {
    if (body.value !== undefined) return body.value as AnyObject;
    const bytes = await body.bytes();
    return bytes.length === 0 ? undefined : (JSON.parse(bytes.toString("utf8")) as AnyObject);
  }

  check(value: AnyObject, kind: GroupVersionKind): Decoded {
    const apiVersion = apiVersionOf(kind);
    const object = value;
    object.apiVersion ??= apiVersion;
    object.kind ??= kind.kind;
    if (object.apiVersion !== apiVersion) {
      throw badRequestError(
        `the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersion})`,
      );
    }
    return { object, strictFaults: [] };
  }

  applyDefaults(): void {
    // until src/api/defaults.ts is there
  }

  patch(current: AnyObject, { mediaType, body }: Patch, kind: GroupVersionKind): AnyObject {
    switch (mediaType) {
      case "application/json-patch+json":
        return structuredClone(applyJsonPatch(current, body)) as AnyObject;
      case "application/merge-patch+json":
        return structuredClone(applyMerge(current, body)) as AnyObject;
      case "application/strategic-merge-patch+json":
        return structuredClone(
          applyStrategic(
            current,
            body as Record<string, unknown>,
            this.#deps.scheme.structOf(kind) ?? "",
            this.#deps.table,
          ),
        ) as AnyObject;
    }
  }

  async #parse(body: RequestBody): Promise<unknown> {
    if (mediaTypeOf(body.contentType) !== jsonMediaType) {
      throw failure({ code: 415, reason: "UnsupportedMediaType", message: "" });
    }
    return JSON.parse((await body.bytes()).toString("utf8")) as unknown;
  }
}
