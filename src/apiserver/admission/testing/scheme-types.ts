/** Objects as admission reads and converts them: of a scheme, with nothing custom and nothing of other servers. */
import { JsonDecoder } from "#api/codec/json.ts";
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import { convert } from "#api/conversion.ts";
import { createTypeTable } from "#api/schema/table.ts";
import type { Scheme } from "#api/scheme.ts";
import { TableSemantics } from "#apiserver/request/type-semantics.ts";
import { SchemeTypes } from "../webhooks/object-types.ts";

export function schemeTypes(scheme: Scheme): SchemeTypes {
  const table = createTypeTable();
  const semantics = new TableSemantics({
    scheme,
    table,
    json: new JsonDecoder(table),
    protobuf: new ProtobufCodec(table, scheme),
    readYaml: (bytes) => ({ value: JSON.parse(bytes.toString("utf8")) as unknown, strictFaults: [] }),
  });
  return new SchemeTypes({
    scheme,
    semantics,
    convert,
    custom: () => ({ resources: [], versionsOf: () => [], typesOf: () => undefined }),
    remote: () => [],
  });
}
