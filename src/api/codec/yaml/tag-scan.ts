/** Tags, anchors and directives as they are written. upstream: go.yaml.in/yaml/v2 scannerc.go */
import { isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, wordPattern, type Cursor } from "./cursor.ts";

const bang = 33;
const percent = 37;
/** What may follow an anchor: `?:,]}%@` and the backquote. */
const anchorEnds: ReadonlySet<number> = new Set([63, 58, 44, 93, 125, 37, 64, 96]);

/** The name behind `*` or `&`. */
export function scanAnchor(cursor: Cursor): string {
  cursor.skip();
  const name = cursor.match(wordPattern);
  const code = cursor.code();
  if (name === "" || !(isBlankOrEnd(code) || anchorEnds.has(code))) {
    cursor.fail("did not find expected alphabetic or numeric character");
  }
  return name;
}

export interface Tag {
  readonly handle: string;
  readonly suffix: string;
}

export function scanTag(cursor: Cursor): Tag {
  const tag = cursor.code(1) === 60 ? verbatimTag(cursor) : shorthandTag(cursor);
  if (!isBlankOrEnd(cursor.code())) cursor.fail("did not find expected whitespace or line break");
  return tag;
}

function verbatimTag(cursor: Cursor): Tag {
  cursor.skip(2);
  const suffix = tagUri(cursor, "");
  if (cursor.code() !== 62) cursor.fail("did not find the expected '>'");
  cursor.skip();
  return { handle: "", suffix };
}

function shorthandTag(cursor: Cursor): Tag {
  const handle = tagHandle(cursor, false);
  if (handle.length > 1 && handle.endsWith("!")) return { handle, suffix: tagUri(cursor, "") };
  const suffix = tagUri(cursor, handle);
  return suffix === "" ? { handle: "", suffix: "!" } : { handle: "!", suffix };
}

function tagHandle(cursor: Cursor, isDirective: boolean): string {
  if (cursor.code() !== bang) cursor.fail("did not find expected '!'");
  const handle = cursor.take() + cursor.match(wordPattern);
  if (cursor.code() === bang) return handle + cursor.take();
  if (isDirective && handle !== "!") cursor.fail("did not find expected '!'");
  return handle;
}

const uriPattern = /[0-9A-Za-z_\-;/?:@&=+$,.!~*'()[\]]*/y;

/** `head`: a handle that was none. */
function tagUri(cursor: Cursor, head: string): string {
  let uri = head.slice(1);
  let hasAny = head !== "";
  for (;;) {
    const part = cursor.match(uriPattern);
    uri += part;
    hasAny ||= part !== "";
    if (cursor.code() !== percent) break;
    uri += escapedCharacter(cursor);
    hasAny = true;
  }
  if (!hasAny) cursor.fail("did not find expected tag URI");
  return uri;
}

function escapedCharacter(cursor: Cursor): string {
  const octets: number[] = [];
  let length = 1;
  while (octets.length < length) {
    const hex = /^%([0-9a-fA-F]{2})/.exec(cursor.text.slice(cursor.at, cursor.at + 3))?.[1];
    if (hex === undefined) cursor.fail("did not find URI escaped octet");
    const octet = Number.parseInt(hex, 16);
    if (octets.length === 0) {
      length =
        octet < 0x80 ? 1 : octet < 0xc0 ? 0 : octet < 0xe0 ? 2 : octet < 0xf0 ? 3 : octet < 0xf8 ? 4 : 0;
      if (length === 0) cursor.fail("found an incorrect leading UTF-8 octet");
    } else if ((octet & 0xc0) !== 0x80) cursor.fail("found an incorrect trailing UTF-8 octet");
    octets.push(octet);
    cursor.skip(3);
  }
  return Buffer.from(octets).toString("utf8");
}

export type Directive =
  | { readonly type: "version"; readonly isKnown: boolean }
  | { readonly type: "tag"; readonly handle: string; readonly prefix: string };

/** With the line that it is in. */
export function scanDirective(cursor: Cursor): Directive {
  cursor.skip();
  const name = cursor.match(wordPattern);
  if (name === "") cursor.fail("could not find expected directive name");
  if (!isBlankOrEnd(cursor.code())) cursor.fail("found unexpected non-alphabetical character");
  if (name !== "YAML" && name !== "TAG") cursor.fail("found unknown directive name");
  cursor.skipBlanks();
  const directive = name === "YAML" ? versionDirective(cursor) : tagDirective(cursor);
  cursor.skipBlanks();
  cursor.skipComment();
  if (!isBreakOrEnd(cursor.code())) cursor.fail("did not find expected comment or line break");
  if (isBreak(cursor.code())) cursor.readLine();
  return directive;
}

function versionDirective(cursor: Cursor): Directive {
  const major = versionNumber(cursor);
  if (cursor.code() !== 46) cursor.fail("did not find expected digit or '.' character");
  cursor.skip();
  const minor = versionNumber(cursor);
  return { type: "version", isKnown: major === 1 && minor === 1 };
}

function versionNumber(cursor: Cursor): number {
  const digits = cursor.match(/\d{0,2}/y);
  if (/^\d/.test(cursor.text.charAt(cursor.at))) cursor.fail("found extremely long version number");
  if (digits === "") cursor.fail("did not find expected version number");
  return Number(digits);
}

function tagDirective(cursor: Cursor): Directive {
  const handle = tagHandle(cursor, true);
  if (!isBlank(cursor.code())) cursor.fail("did not find expected whitespace");
  cursor.skipBlanks();
  const prefix = tagUri(cursor, "");
  if (!isBlankOrEnd(cursor.code())) cursor.fail("did not find expected whitespace or line break");
  return { type: "tag", handle, prefix };
}
