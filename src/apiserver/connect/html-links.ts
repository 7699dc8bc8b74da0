/**
 * Links in a page, changed while the rest stays as it is. Tags with links are written anew, as upstream does it.
 * upstream: apimachinery/pkg/util/proxy/transport.go rewriteHTML, golang.org/x/net/html
 */

/** Attributes that hold links, by tag. */
const linkAttributes: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    a: ["href"],
    applet: ["codebase"],
    area: ["href"],
    audio: ["src"],
    base: ["href"],
    blockquote: ["cite"],
    body: ["background"],
    button: ["formaction"],
    command: ["icon"],
    del: ["cite"],
    embed: ["src"],
    form: ["action"],
    frame: ["longdesc", "src"],
    head: ["profile"],
    html: ["manifest"],
    iframe: ["longdesc", "src"],
    img: ["longdesc", "src", "usemap"],
    input: ["src", "usemap", "formaction"],
    ins: ["cite"],
    link: ["href"],
    object: ["classid", "codebase", "data", "usemap"],
    q: ["cite"],
    script: ["src"],
    source: ["src"],
    video: ["poster", "src"],
  }),
);

/** What follows them is text up to their end tag, also where they look closed. */
const textTags = new Set([
  "iframe",
  "noembed",
  "noframes",
  "noscript",
  "plaintext",
  "script",
  "style",
  "textarea",
  "title",
  "xmp",
]);

/** Of a page; then somebody else may have a turn. */
const pieceLength = 1 << 14;
/** A tag with more is nobody's: it is left as it is, rather than kept in memory attribute by attribute. */
const attributesMax = 1000;

/** The page piece by piece. `rewrite` gets what an attribute holds, and answers what it shall hold. */
export function* rewriteLinks(page: string, rewrite: (link: string) => string): Generator<string, undefined> {
  const parts: string[] = [];
  let [given, yielded, at] = [0, 0, 0];
  for (;;) {
    const open = page.indexOf("<", at);
    const tag = open < 0 ? "unfinished" : tagAt(page, open);
    if (tag === "unfinished") break;
    const names = tag === undefined ? undefined : linkAttributes.get(tag.name);
    if (tag !== undefined && names !== undefined && tag.attributes.length <= attributesMax) {
      parts.push(page.slice(given, open), tagText(tag, names, rewrite));
      given = tag.end;
    }
    if (tag === undefined) at = endOfOther(page, open);
    else at = textTags.has(tag.name) ? endTag(page, tag.name, tag.end) : tag.end;
    if (at - yielded < pieceLength) continue;
    parts.push(page.slice(given, at));
    yield parts.splice(0).join("");
    given = yielded = at;
  }
  parts.push(page.slice(given));
  yield parts.join("");
}

/** Of a comment, or of a "<" that begins no start tag. */
function endOfOther(page: string, open: number): number {
  if (!page.startsWith("<!--", open)) return open + 1;
  const close = page.indexOf("-->", open + 4);
  return close < 0 ? page.length : close + 3;
}

function endTag(page: string, name: string, from: number): number {
  const end = new RegExp(`</${name}(?=[\\s/>])`, "gi");
  end.lastIndex = from;
  return end.exec(page)?.index ?? page.length;
}

interface Attribute {
  readonly name: string;
  readonly value: string;
}

interface Tag {
  readonly name: string;
  readonly attributes: readonly Attribute[];
  /** A slash is its last character, whatever it belongs to. */
  readonly isClosed: boolean;
  /** Just behind it. */
  readonly end: number;
}

const attributePattern = /[\s/]*(?:([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)))?)/y;

/** Undefined: no start tag begins there. "unfinished": one does, and goes on to the end of the page. */
function tagAt(page: string, open: number): Tag | "unfinished" | undefined {
  const begin = /<([a-z][^\s/>]*)/iy;
  begin.lastIndex = open;
  const [head, name] = begin.exec(page) ?? [];
  if (head === undefined || name === undefined) return undefined;
  const attributes: Attribute[] = [];
  let at = open + head.length;
  for (;;) {
    const close = /[\s/]*>/y;
    close.lastIndex = at;
    if (close.test(page)) {
      const end = close.lastIndex;
      return { name: name.toLowerCase(), attributes, isClosed: page[end - 2] === "/", end };
    }
    attributePattern.lastIndex = at;
    const found = attributePattern.exec(page);
    if (found === null) return "unfinished";
    const [, key = "", double, single, bare] = found;
    at = attributePattern.lastIndex;
    attributes.push({ name: key.toLowerCase(), value: unescape(double ?? single ?? bare ?? "") });
    if (attributes.length > attributesMax) {
      return { name: name.toLowerCase(), attributes, isClosed: false, end: at };
    }
  }
}

function tagText(
  { name, attributes, isClosed }: Tag,
  links: readonly string[],
  rewrite: (link: string) => string,
): string {
  const texts = attributes.map((each) => {
    const value = links.includes(each.name) ? rewrite(each.value) : each.value;
    return ` ${each.name}="${escape(value)}"`;
  });
  return `<${name}${texts.join("")}${isClosed ? "/" : ""}>`;
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&#39;",
  '"': "&#34;",
  "\r": "&#13;",
};

const escape = (text: string): string => text.replaceAll(/[&<>'"\r]/g, (each) => escapes[each] ?? each);

const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Characters by number, and those that links are written with; what else has a name keeps it. */
const unescape = (text: string): string =>
  text.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos));/gi, (all, decimal, hex, name) => {
    if (name !== undefined) return named[(name as string).toLowerCase()] ?? all;
    const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
    return code > 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : all;
  });
