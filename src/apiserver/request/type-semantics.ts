/** Types as the type table knows them: decoding with strictness, defaults, patches. */
import { settleAnnotatedNumbers } from "#api/apps/annotated-numbers.ts";
import { bodyText } from "#api/codec/body-text.ts";
import { DecodeError } from "#api/codec/decode-error.ts";
import type { JsonDecoder } from "#api/codec/json.ts";
import { treeOfText } from "#api/codec/json-tree.ts";
import { claimFault, claimIn, claimInValue, versionFault, type KindClaim } from "#api/codec/kind-claim.ts";
import type { YamlReading } from "#api/codec/yaml.ts";
import type { ProtobufCodec } from "#api/codec/protobuf.ts";
import { GoZeros, type StructZeros } from "#api/codec/go-zeros.ts";
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
  readonly readYaml: (bytes: Buffer) => YamlReading;
}

/** Of the apps group. */
const withNumbers = new Set(["DaemonSet", "Deployment"]);

const optionsPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";

export class TableSemantics implements TypeSemantics {
  readonly #deps: TypeSemanticsDeps;
  readonly #schema: TableSchema;
  readonly #zeros: GoZeros;

  constructor(deps: TypeSemanticsDeps) {
    this.#deps = deps;
    this.#schema = new TableSchema(deps.table);
    this.#zeros = new GoZeros({ table: deps.table, structOf: (kind) => deps.scheme.structOf(kind) });
  }

  async decode(body: RequestBody, kind: GroupVersionKind): Promise<Decoded> {
    const bytes = body.value === undefined ? await body.bytes() : Buffer.alloc(0);
    try {
      const decoded = this.#decode(body, bytes, this.#structOf(kind), kind);
      const { apiVersion = "" } = decoded.object;
      if (apiVersion.indexOf("/") !== apiVersion.lastIndexOf("/")) throw noVersion(apiVersion);
      return this.#identified(decoded, kind);
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
      const { object } = this.#decode(body, bytes, `${optionsPackage}.${kind}`, gvk);
      assertOptions(object, gvk);
      return object;
    } catch (error) {
      if (error instanceof DecodeError) throw this.#unreadable(body, bytes, gvk, error);
      throw error;
    }
  }

  check(value: AnyObject, kind: GroupVersionKind, old?: AnyObject): Decoded {
    try {
      return this.#identified(this.#deps.json.fromValue(value, this.#structOf(kind), old), kind);
    } catch (error) {
      if (error instanceof DecodeError) {
        throw badRequestError(cannotHandle(kind, kind.kind, error.message), { cause: error });
      }
      throw error;
    }
  }

  checkApplied(value: AnyObject, kind: GroupVersionKind, old?: AnyObject): Decoded {
    return this.check(value, kind, old);
  }

  applyDefaults(object: AnyObject, kind: GroupVersionKind): void {
    applyDefaults(kind, object);
  }

  applyType(kind: GroupVersionKind): ApplyType {
    return this.#schema.struct(this.#structOf(kind));
  }

  zeros(kind: GroupVersionKind): StructZeros | undefined {
    return this.#zeros.of(kind);
  }

  patch(current: AnyObject, { mediaType, body }: Patch, kind: GroupVersionKind): AnyObject {
    switch (mediaType) {
      case "application/json-patch+json":
        // Its paths lead through what the client has seen.
        return applyJsonPatch(this.#zeros.written(current, kind, "stored"), body) as AnyObject;
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
    const { json, protobuf, readYaml } = this.#deps;
    if (body.value !== undefined) return json.fromValue(body.value, struct);
    switch (mediaTypeOf(body.contentType)) {
      case jsonMediaType:
        return json.decode(bodyText(bytes), struct);
      case yamlMediaType: {
        const { value, strictFaults } = readYaml(bytes);
        const decoded = json.fromValue(value, struct);
        return { ...decoded, strictFaults: [...strictFaults, ...decoded.strictFaults] };
      }
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
    const refusal = this.#mistaken({ apiVersion, kind: own }, kind);
    if (refusal !== undefined) throw refusal;
    if (kind.group === "apps" && withNumbers.has(kind.kind)) settleAnnotatedNumbers(kind.kind, rest);
    return { object: { kind: kind.kind, apiVersion: expected, ...rest }, strictFaults };
  }

  /** The 400 for a body that says it is something else; undefined when it doesn't. */
  #mistaken({ apiVersion = "", kind = "" }: KindClaim, expected: GroupVersionKind): StatusError | undefined {
    const version = apiVersion === "" ? apiVersionOf(expected) : apiVersion;
    const claimed = { ...parseApiVersion(version), kind: kind === "" ? expected.kind : kind };
    const isIt = version === apiVersionOf(expected) && claimed.kind === expected.kind;
    if (isIt) return undefined;
    const internal = [internalType(claimed), internalType(expected)] as const;
    const isKnown = this.#deps.table.struct(this.#structOf(claimed)) !== undefined;
    if (isKnown && internal[0] === internal[1]) {
      return badRequestError(
        `the API version in the data (${version}) does not match the expected API version (${apiVersionOf(expected)})`,
      );
    }
    const why = isKnown
      ? `converting (${claimed.version}.${claimed.kind}) to (${internal[1]}): unknown conversion`
      : `no kind ${JSON.stringify(claimed.kind)} is registered for version ${JSON.stringify(version)} in scheme ${JSON.stringify(schemeName)}`;
    const text = cannotHandle(claimed, expected.kind, why);
    return badRequestError(text, { cause: new DecodeError(why) });
  }

  /** The 400 for a body that can't be decoded: what it says it is decides the wording. */
  #unreadable(body: RequestBody, bytes: Buffer, kind: GroupVersionKind, error: DecodeError): StatusError {
    const claim = claimOf(body, bytes, this.#deps.readYaml);
    if (typeof claim === "string") {
      const why = claim === "" ? error.message : claim;
      const text = `the object provided is unrecognized (must be of type ${kind.kind}): ${why} (${summary(bytes)})`;
      return badRequestError(text, { cause: error });
    }
    // Options are taken whatever group they name.
    const mistaken = kind.group === "meta.k8s.io" ? undefined : this.#mistaken(claim, kind);
    return mistaken ?? badRequestError(cannotHandle(kind, kind.kind, error.message), { cause: error });
  }
}

/** Throws 400 for another kind. Options have no version: any is theirs. upstream: apis/meta/internalversion/register.go */
function assertOptions({ apiVersion = "", kind = "" }: AnyObject, expected: GroupVersionKind): void {
  if (kind === "" || kind === expected.kind) return;
  const version = apiVersion === "" ? apiVersionOf(expected) : apiVersion;
  throw badRequestError(
    `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(version)} in scheme ${JSON.stringify(metaSchemeName)}`,
  );
}

const noVersion = (apiVersion: string): DecodeError => new DecodeError(versionFault(apiVersion));

/** What upstream's scheme of options calls itself. */
const metaSchemeName = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27";
/** What upstream's scheme of built-in types calls itself. */
const schemeName = "pkg/api/legacyscheme/scheme.go:30";

/** Go's name of the form that all versions of a kind are converted to: "core.Pod". */
function internalType({ group, kind }: GroupVersionKind): string {
  const [first = ""] = group.split(".");
  // Events of both groups are one.
  return `${first === "" || group === "events.k8s.io" ? "core" : first}.${kind}`;
}

const cannotHandle = ({ version, kind }: GroupVersionKind, expected: string, why: string): string =>
  `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected}: ${why}`;

export const unsupportedMediaType = (accepted: readonly string[]): StatusError =>
  failure({
    code: 415,
    reason: "UnsupportedMediaType",
    message: `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  });

/** What a body says it is. A text: why it doesn't say anything; "" where the decoder has said it. */
export function claimOf(
  body: RequestBody,
  bytes: Buffer,
  readYaml: (bytes: Buffer) => YamlReading,
): KindClaim | string {
  if (body.value !== undefined) return claimInValue(body.value);
  const type = mediaTypeOf(body.contentType);
  if (type === protobufMediaType) return {};
  try {
    const text = bodyText(bytes);
    return type === yamlMediaType ? claimInValue(readYaml(bytes).value) : claimIn(treeOfText(text));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return type === yamlMediaType ? "" : claimFault(error.message);
  }
}

const summaryMax = 30;

function summary(bytes: Buffer): string {
  if (bytes.length === 0) return "<empty>";
  const head = bytes.subarray(0, summaryMax).toString(bytes[0] === 0x7b ? "utf8" : "hex");
  return bytes.length > summaryMax ? `${head} ...` : head;
}
