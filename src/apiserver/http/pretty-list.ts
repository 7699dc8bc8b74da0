/** A list as people read it: indented, object by object. */
import { goJson } from "#api/codec/go-json.ts";
import { apiVersionOf } from "#api/meta/object.ts";
import type { ListAnswer } from "#apiserver/request/call.ts";
import { listMeta } from "./list-body.ts";
import { customList, untyped, type Shape } from "./shape.ts";

const indent = "  ";

/** Of at least `bytesMin` each, but the last. */
export function* prettyChunks(
  answer: ListAnswer,
  shape: Shape,
  bytesMin: number,
): Generator<Buffer, undefined> {
  let text = "";
  for (const piece of pieces(answer, shape)) {
    text += piece;
    if (text.length < bytesMin) continue;
    yield Buffer.from(text, "utf8");
    text = "";
  }
  yield Buffer.from(text, "utf8");
}

function* pieces(answer: ListAnswer, shape: Shape): Generator<string, undefined> {
  const { endpoint, items } = answer;
  const { definition, gvk, isCustom } = endpoint;
  const { listKind } = definition;
  const metadata = listMeta(answer);
  const empty = isCustom
    ? customList({ ...gvk, listKind }, metadata, [])
    : { kind: listKind, apiVersion: apiVersionOf(gvk), metadata, items: [] };
  const whole = goJson(empty, indent);
  if (items.length === 0) {
    yield whole;
    return;
  }
  const opened = whole.lastIndexOf(emptyItems) + emptyItems.length - 1;
  yield whole.slice(0, opened);
  let isFirst = true;
  for (const item of items) {
    const object = shape.shaped(endpoint.view(item), gvk);
    yield `${isFirst ? "" : ","}\n${indented(isCustom ? object : untyped(object))}`;
    isFirst = false;
  }
  yield `\n${indent}${whole.slice(opened)}`;
}

/** Only between tokens can a line begin with it. */
const emptyItems = `\n${indent}"items": []`;

/** Line ends are only between tokens: those in strings are escaped. */
const indented = (value: unknown): string =>
  indent + indent + goJson(value, indent).replaceAll("\n", `\n${indent}${indent}`);
