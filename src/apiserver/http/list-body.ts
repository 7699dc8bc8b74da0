/** A list's JSON, put together from its objects' bytes while it is written. */
import { apiVersionOf, type ListMeta } from "#api/meta/object.ts";
import type { ListAnswer } from "#apiserver/request/call.ts";
import type { StoredObject } from "#apiserver/registry/stored-object.ts";
import { chunkBytes } from "./chunk-pool.ts";

const comma = 0x2c;
const listEnd = "]}\n";

export function listMeta({ revision, continue: token, remaining }: ListAnswer): ListMeta {
  return {
    resourceVersion: revision.toString(),
    ...(token === "" ? {} : { continue: token }),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}

function headOf(answer: ListAnswer): string {
  const { definition, gvk } = answer.endpoint;
  const head = { kind: definition.listKind, apiVersion: apiVersionOf(gvk), metadata: listMeta(answer) };
  return `${JSON.stringify(head).slice(0, -1)},"items":[`;
}

/** Of what begins each stored object, and is said once for all items of a list. */
function typeBytesOf({ gvk }: ListAnswer["endpoint"]): number {
  const { kind } = gvk;
  return JSON.stringify({ kind, apiVersion: apiVersionOf(gvk) }).length - 1;
}

export class ListBody {
  readonly #items: readonly StoredObject[];
  readonly #head: string;
  readonly #typeBytes: number;

  constructor(answer: ListAnswer) {
    this.#items = answer.items;
    this.#head = headOf(answer);
    this.#typeBytes = typeBytesOf(answer.endpoint);
  }

  /** At most so many; all of them when that is less than `enough`. */
  bytesMax(enough: number): number {
    let bytes = Buffer.byteLength(this.#head) + listEnd.length;
    for (const item of this.#items) {
      bytes += item.servedBytesMax + 1;
      if (bytes >= enough) break;
    }
    return bytes;
  }

  /** All of it, where there is room for it. Answers where it ends. */
  copyTo(target: Buffer, start: number): number {
    let at = start + target.write(this.#head, start);
    let isFirst = true;
    for (const item of this.#items) {
      if (!isFirst) target[at++] = comma;
      isFirst = false;
      at = item.copyItemTo(target, at, this.#typeBytes);
    }
    return at + target.write(listEnd, at);
  }

  /** In chunks that `take` has given, filled as far as whole objects fit; bigger objects come by themselves. */
  *chunks(take: () => Buffer): Generator<Buffer, undefined> {
    const typeBytes = this.#typeBytes;
    let chunk = take();
    // Whatever the chunk begins with, an item needs room before it.
    let begin = 0;
    let at = chunk.write(this.#head, 0);
    let isFirst = true;
    for (const item of this.#items) {
      const room = item.servedBytesMax + 1 + listEnd.length;
      if (at + room > chunk.length) {
        yield chunk.subarray(begin, at);
        begin = typeBytes;
        chunk = begin + room > chunkBytes ? Buffer.allocUnsafeSlow(begin + room) : take();
        at = begin;
      }
      if (!isFirst) chunk[at++] = comma;
      isFirst = false;
      at = item.copyItemTo(chunk, at, typeBytes);
    }
    at += chunk.write(listEnd, at);
    yield chunk.subarray(begin, at);
  }
}
