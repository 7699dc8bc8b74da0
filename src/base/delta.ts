/**
 * Bytes as what differs from others much like them: JSON of objects of one kind, mostly. Made to be quick to read, in
 * two or three copies of the model's bytes and a loop over the few that are new; what differs much isn't worth it.
 *
 * A delta is a text of one byte a character: steps of how many bytes are the model's, how many are new, how many of the
 * model's those stand for (7 bits a character, the last below 128), then the new ones. It ends with what it makes.
 */

const quote = 0x22;
/** After a difference, so many bytes alike are where both go on. */
const anchorBytes = 8;
/** A text of up to so many bytes is taken whole for another. */
const textMax = 64;
/** Where one has what the other hasn't, so many bytes are looked for further on. */
const probeBytes = 24;
/** Each looks through the rest of the model. */
const probesMax = 24;
/** Compared at once, natively, before one looks byte by byte. */
const chunkBytes = 512;
/** Of a step's three numbers, each below 2^28. */
const numbersBytes = 12;

const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** What makes `value` of `model` in less than `lengthMax` bytes; undefined when they are too different. */
export function deltaOf(model: Buffer, value: Buffer, lengthMax: number): string | undefined {
  const limit = Math.min(lengthMax, scratch.length) - numbersBytes;
  const search: Search = { model, value, probes: 0, at: 0, modelAt: 0 };
  let end = 0;
  let at = 0;
  let modelAt = 0;
  while (at < value.length) {
    const same = alike(model, modelAt, value, at);
    at += same;
    modelAt += same;
    search.at = at;
    search.modelAt = modelAt;
    findAnchor(search);
    const fresh = search.at - at;
    if (end + fresh > limit) return undefined;
    end = writeNumber(end, same);
    end = writeNumber(end, fresh);
    end = writeNumber(end, search.modelAt - modelAt);
    for (; at < search.at; at++) scratch[end++] = value[at] as number;
    modelAt = search.modelAt;
  }
  return scratch.toString("latin1", 0, end);
}

/** Writes what `delta` makes of `model` to `target`, which has room, from `start`. Answers where it ends. */
export function applyDelta(model: Buffer, delta: string, target: Buffer, start: number): number {
  let at = start;
  let modelAt = 0;
  let next = 0;
  while (next < delta.length) {
    // Steps that replace as many bytes as they bring need one copy: what is new is written over it.
    const first = next;
    const runAt = at;
    const runModelAt = modelAt;
    let isShifted = false;
    while (next < delta.length && !isShifted) {
      const same = numberAt(delta, next);
      next += sizeOf(same);
      const fresh = numberAt(delta, next);
      next += sizeOf(fresh);
      const skipped = numberAt(delta, next);
      next += sizeOf(skipped) + fresh;
      at += same + fresh;
      modelAt += same + skipped;
      isShifted = fresh !== skipped;
    }
    const copied = Math.min(at - runAt, model.length - runModelAt);
    model.copy(target, runAt, runModelAt, runModelAt + copied);
    writeFresh(delta, { first, end: next }, target, runAt);
  }
  return at;
}

function writeFresh(
  delta: string,
  steps: { readonly first: number; readonly end: number },
  target: Buffer,
  start: number,
): void {
  let at = start;
  let next = steps.first;
  while (next < steps.end) {
    const same = numberAt(delta, next);
    next += sizeOf(same);
    const fresh = numberAt(delta, next);
    next += sizeOf(fresh);
    next += sizeOf(numberAt(delta, next));
    at += same;
    for (const end = next + fresh; next < end; next++) target[at++] = delta.charCodeAt(next);
  }
}

/** How many bytes are the same from here on. */
function alike(model: Buffer, modelFrom: number, value: Buffer, from: number): number {
  const count = Math.min(model.length - modelFrom, value.length - from);
  let same = 0;
  for (let end = chunkBytes; end <= count; end += chunkBytes) {
    if (model.compare(value, from + same, from + end, modelFrom + same, modelFrom + end) !== 0) break;
    same = end;
  }
  while (same < count && model[modelFrom + same] === value[from + same]) same++;
  return same;
}

/** Where the two go on alike, from a difference on: moved there. */
interface Search {
  readonly model: Buffer;
  readonly value: Buffer;
  probes: number;
  at: number;
  modelAt: number;
}

function findAnchor(search: Search): void {
  const { model, value } = search;
  // A text, or a number, for another: both go on behind it.
  const quoteAt = quoteFrom(value, search.at);
  const modelQuoteAt = quoteFrom(model, search.modelAt);
  const isText = isAnchor(model, modelQuoteAt, value, quoteAt);
  if (isText && quoteAt - search.at <= textMax) {
    search.at = quoteAt;
    search.modelAt = modelQuoteAt;
    return;
  }
  // Something that only one of them has, or a long text of which the rest may be the same.
  let { at } = search;
  const end = isText ? quoteAt : value.length;
  for (let step = probeBytes; at + probeBytes <= end && search.probes < probesMax; step *= 2) {
    search.probes++;
    let found = model.indexOf(value.subarray(at, at + probeBytes), search.modelAt);
    if (found >= 0) {
      while (at > search.at && found > search.modelAt && value[at - 1] === model[found - 1]) {
        at -= 1;
        found -= 1;
      }
      search.at = at;
      search.modelAt = found;
      return;
    }
    at += step;
  }
  search.at = end;
  search.modelAt = isText ? modelQuoteAt : model.length;
}

function quoteFrom(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== quote) at++;
  return at;
}

function isAnchor(model: Buffer, modelAt: number, value: Buffer, at: number): boolean {
  const rest = value.length - at;
  if (rest < anchorBytes || model.length - modelAt < anchorBytes) {
    return rest === model.length - modelAt && alike(model, modelAt, value, at) === rest;
  }
  for (let next = 0; next < anchorBytes; next++) {
    if (model[modelAt + next] !== value[at + next]) return false;
  }
  return true;
}

function writeNumber(start: number, number: number): number {
  let at = start;
  let rest = number;
  for (; rest >= 0x80; rest >>>= 7) scratch[at++] = (rest & 0x7f) | 0x80;
  scratch[at++] = rest;
  return at;
}

function numberAt(delta: string, start: number): number {
  let number = 0;
  let shift = 0;
  for (let at = start; ; at++, shift += 7) {
    const code = delta.charCodeAt(at);
    number |= (code & 0x7f) << shift;
    if (code < 0x80) return number;
  }
}

const sizeOf = (number: number): number =>
  number < 0x80 ? 1 : number < 0x4000 ? 2 : number < 0x20_0000 ? 3 : 4;
