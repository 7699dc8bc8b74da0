/** A list as people read it: indented, object by object. */
import { goJson } from "#api/codec/go-json.ts";
import { apiVersionOf } from "#api/meta/object.ts";
import type { ListAnswer } from "#apiserver/request/call.ts";
import { listMeta } from "./list-body.ts";
import { untyped } from "./shape.ts";

const indent = "  ";

/** Of at least `bytesMin` each, but the last. */
export function* prettyChunks(answer: ListAnswer, bytesMin: number): Generator<Buffer, undefined> {
  let text = "";
  for (const piece of pieces(answer)) {
    text += piece;
    if (text.length < bytesMin) continue;
    yield Buffer.from(text, "utf8");
    text = "";
  }
  yield Buffer.from(text, "utf8");
}

function* pieces(answer: ListAnswer): Generator<string, undefined> {
  const { endpoint, items } = answer;
  const { definition, gvk } = endpoint;
  const head = { kind: definition.listKind, apiVersion: apiVersionOf(gvk), metadata: listMeta(answer) };
  const opened = goJson({ ...head, items: [] }, indent);
  if (items.length === 0) {
    yield opened;
    return;
  }
  yield opened.slice(0, -"]\n}".length);
  let isFirst = true;
  for (const item of items) {
    const object = endpoint.view(item);
    yield `${isFirst ? "" : ","}\n${indented(endpoint.isCustom ? object : untyped(object))}`;
    isFirst = false;
  }
  yield `\n${indent}]\n}`;
}

/** Line ends are only between tokens: those in strings are escaped. */
const indented = (value: unknown): string =>
  indent + indent + goJson(value, indent).replaceAll("\n", `\n${indent}${indent}`);
