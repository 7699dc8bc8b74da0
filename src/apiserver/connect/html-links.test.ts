import assert from "node:assert/strict";
import { test } from "node:test";
import { rewriteLinks } from "./html-links.ts";

const cases: readonly [what: string, page: string, expected: string][] = [
  ["a link", '<a href="/x">t</a>', '<a href="[/x]">t</a>'],
  ["names in capitals, values in other quotes", "<A HREF='/x' Id=y>", '<a href="[/x]" id="y">'],
  ["no quotes, and a slash at the end of the value", "<a href=/x/>", '<a href="[/x/]"/>'],
  [
    "slashes between attributes and behind them",
    "<a / href=x / // ><a href=y>",
    '<a href="[x]"><a href="[y]">',
  ],
  ["attributes without a value", "<input disabled src=a>", '<input disabled="" src="[a]">'],
  ["several links of a tag", "<video poster=p src=s />", '<video poster="[p]" src="[s]"/>'],
  ["characters by name and number", '<a href="/?a=1&amp;b=&#50;">', '<a href="[/?a=1&amp;b=2]">'],
  ["quotes within", `<a href="/" title='say "hi"'>`, '<a href="[/]" title="say &#34;hi&#34;">'],
  ["an attribute that is no link", '<a data-href="/x">', '<a data-href="/x">'],
  ["a tag without links stays as it is", "<P Class='b'>", "<P Class='b'>"],
  ["end tags", "</a href='/x'>", "</a href='/x'>"],
  ["comments", "<!-- <a href='/x'> -->", "<!-- <a href='/x'> -->"],
  ["scripts", "<script src=/s>'<a href=\"/x\">'</script>", '<script src="[/s]">\'<a href="/x">\'</script>'],
  ["a script that looks closed", "<script src=s /><a href=x>", '<script src="[s]"/><a href=x>'],
  ["titles", "<title><a href='/x'></title><a href='/y'>", "<title><a href='/x'></title><a href=\"[/y]\">"],
  ["what isn't a tag", "1 < 2 <", "1 < 2 <"],
  ["a tag that doesn't end", "x <a href='/x'", "x <a href='/x'"],
  ["a doctype", "<!DOCTYPE html><html manifest=m>", '<!DOCTYPE html><html manifest="[m]">'],
];

for (const [what, page, expected] of cases) {
  test(what, () => {
    assert.equal([...rewriteLinks(page, (link) => `[${link}]`)].join(""), expected);
  });
}

test("a page of open tags is no work for hours", () => {
  for (const piece of ["<a ", "<a href=", "<script>", "<!--", '<a href="', "<a / ", "<"]) {
    const page = piece.repeat(20_000);
    assert.ok([...rewriteLinks(page, (link) => link)].join("").length >= page.length);
  }
});

for (const piece of ["<", "<p>", '<a href="/x">']) {
  test(`a long page of ${piece} comes in many pieces`, () => {
    const page = piece.repeat(100_000);
    const pieces = [...rewriteLinks(page, (link) => link)];
    assert.ok(pieces.every((each) => each.length < 1 << 17));
    assert.equal(pieces.join(""), page);
  });
}

test("a tag with attributes without end is left as it is, and what follows isn't", () => {
  const page = `<a href=x${" a=1".repeat(5000)}><a href=y>`;
  const rewritten = [...rewriteLinks(page, (link) => `[${link}]`)].join("");
  assert.equal(rewritten, page.replace("<a href=y>", '<a href="[y]">'));
});
