/** Shapes of answers as clients ask for them, for tests. */
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import { negotiateShape, type Shape, type ShapeDeps } from "#apiserver/http/shape.ts";

export const shapeDeps: ShapeDeps = {
  protobuf: new ProtobufCodec(createTypeTable(), createScheme()),
  now: () => 0,
  written: (object) => object,
};

/** `query`: "pretty=1". Throws 406. */
export const shapeOf = (accept: string, query = ""): Shape =>
  negotiateShape({ accept, query: new URLSearchParams(query), isHuman: false }, shapeDeps);
