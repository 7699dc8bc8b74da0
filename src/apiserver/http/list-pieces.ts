/**
 * A list whose objects don't go out as they are stored, item by item: as a whole it would lie in memory several times
 * over, and hold up everybody while it is encoded.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { goJson } from "#api/codec/go-json.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { ListAnswer } from "#apiserver/request/call.ts";
import { ClientGoneError, type Exchange } from "./exchange.ts";
import { listMeta } from "./list-body.ts";
import type { ListType, Shape } from "./shape.ts";

export function listTypeOf({ endpoint }: ListAnswer): ListType {
  const { definition, gvk, isCustom } = endpoint;
  return { ...gvk, listKind: definition.listKind, isCustom };
}

/** JSON, of at least `bytesMin` each, but the last. Its objects are prepared. */
export function* jsonPieces(
  answer: ListAnswer,
  shape: Shape,
  bytesMin: number,
): Generator<Buffer, undefined> {
  let text = "";
  for (const piece of texts(answer, shape)) {
    text += piece;
    if (text.length < bytesMin) continue;
    yield Buffer.from(text, "utf8");
    text = "";
  }
  yield Buffer.from(text, "utf8");
}

function* texts(answer: ListAnswer, shape: Shape): Generator<string, undefined> {
  const { endpoint, items } = answer;
  const list = listTypeOf(answer);
  const { emptyItems, opened, closed, indented, end } = shape.accepted.isPretty ? pretty : compact;
  const whole = written(shape.list([], listMeta(answer), list), shape) + end;
  if (items.length === 0) {
    yield whole;
    return;
  }
  const split = whole.lastIndexOf(emptyItems) + emptyItems.length - 1;
  yield whole.slice(0, split);
  let isFirst = true;
  for (const item of items) {
    const text = written(shape.item(endpoint.view(item), list), shape);
    yield `${isFirst ? "" : ","}${opened}${indented(text)}`;
    isFirst = false;
  }
  yield `${closed}${whole.slice(split)}`;
}

const written = (value: AnyObject, { accepted }: Shape): string =>
  accepted.isPretty ? goJson(value, 2) : goJson(value);

/** `emptyItems` can be found between tokens only: quotes in strings are escaped, and so are their line ends. */
const compact = {
  emptyItems: '"items":[]',
  opened: "",
  closed: "",
  indented: (text: string): string => text,
  end: "\n",
};

const pretty = {
  emptyItems: '\n  "items": []',
  opened: "\n    ",
  closed: "\n  ",
  indented: (text: string): string => text.replaceAll("\n", "\n    "),
  end: "",
};

/**
 * Protobuf, of at least `bytesMin` each, but the ends: all of it must be there before the first byte goes out, which says
 * how long it is. Others have their turn meanwhile. Its objects are prepared. Throws ClientGoneError.
 */
export async function protobufPieces(
  answer: ListAnswer,
  shape: Shape,
  { bytesMin, exchange }: { readonly bytesMin: number; readonly exchange: Pick<Exchange, "isOver"> },
): Promise<readonly Buffer[]> {
  const { endpoint, items } = answer;
  const type = listTypeOf(answer);
  const list = shape.list([], listMeta(answer), type);
  const pieces: Buffer[] = [];
  let batch: Buffer[] = [];
  let batchBytes = 0;
  let bytes = 0;
  for (const item of items) {
    const encoded = shape.encodeItem(list, shape.item(endpoint.view(item), type));
    batch.push(encoded);
    batchBytes += encoded.length;
    bytes += encoded.length;
    if (batchBytes < bytesMin) continue;
    pieces.push(Buffer.concat(batch, batchBytes));
    batch = [];
    batchBytes = 0;
    await nextTurn();
    if (exchange.isOver) throw new ClientGoneError();
  }
  const { head, tail } = shape.encodeAround(list, bytes);
  const last = Buffer.concat([...batch, tail]);
  return pieces.length === 0 ? [Buffer.concat([head, last])] : [head, ...pieces, last];
}
