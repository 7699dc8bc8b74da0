/** How objects are read and written: one of each for all parts of a server. */
import { JsonDecoder } from "#api/codec/json.ts";
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import { parseYaml, readYaml } from "#api/codec/yaml.ts";
import { parseApiVersion, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { Scheme } from "#api/scheme.ts";
import { mediaTypeOf, protobufMediaType } from "./request/media-type.ts";
import { TableSemantics } from "./request/type-semantics.ts";

export class ObjectForms {
  readonly json: JsonDecoder;
  readonly protobuf: ProtobufCodec;
  readonly semantics: TableSemantics;

  constructor({ table, scheme }: { readonly table: TypeTable; readonly scheme: Scheme }) {
    this.json = new JsonDecoder(table);
    this.protobuf = new ProtobufCodec(table, scheme);
    this.semantics = new TableSemantics({
      table,
      scheme,
      json: this.json,
      protobuf: this.protobuf,
      readYaml,
    });
  }

  /** What a body says, as it is. Throws DecodeError. */
  read(contentType: string, bytes: Buffer): unknown {
    if (mediaTypeOf(contentType) === protobufMediaType) return this.protobuf.decode(bytes);
    return parseYaml(bytes.toString("utf8"));
  }

  /** As clients see it: with what Go writes of fields that nobody set. Its kind is what it says itself, by default. */
  written(object: AnyObject, kind: GroupVersionKind = kindOf(object)): AnyObject {
    return this.semantics.zeros(kind)?.written(object) ?? object;
  }
}

const kindOf = ({ apiVersion = "", kind = "" }: AnyObject): GroupVersionKind => ({
  ...parseApiVersion(apiVersion),
  kind,
});
