/** Facts of Go's net/url/url_test.go. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { escapedPath, hostAndPort, parseRequestUri, parseUrl, queryOf, UrlFault } from "./go-url.ts";

suite("URLs", () => {
  for (const [text, scheme, opaque, user, host, path] of [
    ["http://www.google.com", "http", "", undefined, "www.google.com", ""],
    ["HTTP://www.google.com/file%20one%26two", "http", "", undefined, "www.google.com", "/file%20one%26two"],
    ["ftp://webmaster@www.google.com/", "ftp", "", "webmaster", "www.google.com", "/"],
    ["http://john%20doe@www.google.com/", "http", "", "john%20doe", "www.google.com", "/"],
    ["http:www.google.com/?q=go", "http", "www.google.com/", undefined, "", ""],
    ["mailto:/webmaster@golang.org", "mailto", "", undefined, "", "/webmaster@golang.org"],
    ["mailto:webmaster@golang.org", "mailto", "webmaster@golang.org", undefined, "", ""],
    ["/foo?query=http://bad", "", "", undefined, "", "/foo"],
    ["//user@foo/path?a=b", "", "", "user", "foo", "/path"],
    ["///threeslashes", "", "", undefined, "", "///threeslashes"],
    ["http://user:pa$$word@google.com", "http", "", "user:pa$$word", "google.com", ""],
    ["http://j@ne:password@google.com", "http", "", "j@ne:password", "google.com", ""],
    ["http://[fe80::1]:8080/", "http", "", undefined, "[fe80::1]:8080", "/"],
    ["http://[fe80::1%25en0]/", "http", "", undefined, "[fe80::1%en0]", "/"],
    [
      "http://rest.rsc.io/foo%2fbar/baz%2Fquux?alt=media",
      "http",
      "",
      undefined,
      "rest.rsc.io",
      "/foo%2fbar/baz%2Fquux",
    ],
    ["http://a/[b]/(c)!*'", "http", "", undefined, "a", "/[b]/(c)!*'"],
    ["http://hello.世界.com/世", "http", "", undefined, "hello.世界.com", "/%E4%B8%96"],
    ["http://hello.%e4%b8%96%e7%95%8c.com/", "http", "", undefined, "hello.世界.com", "/"],
    ["http://a:/", "http", "", undefined, "a:", "/"],
    ["*", "", "", undefined, "", "*"],
    ["#x", "", "", undefined, "", ""],
  ] as const) {
    test(text, () => {
      const url = parseUrl(text);
      assert.ok(!(url instanceof UrlFault));
      assert.deepEqual(
        [url.scheme, url.opaque, url.user, url.host, escapedPath(url)],
        [scheme, opaque, user, host, path],
      );
    });
  }

  for (const [text, fault] of [
    ["http://a b/", 'invalid character " " in host name'],
    ["http://a\\b/", 'invalid character "\\\\" in host name'],
    ["http://[::1", "missing ']' in host"],
    ["http://[::1]a/", 'invalid port "a" after host'],
    ["http://a:b/", 'invalid port ":b" after host'],
    ["http://a:1:b/", 'invalid port ":b" after host'],
    ["http://%41:8080/", 'invalid URL escape "%41"'],
    ["http://a/%zz", 'invalid URL escape "%zz"'],
    ["http://a/%", 'invalid URL escape "%"'],
    ["http://us\\er:pass@foo.com/", "net/url: invalid userinfo"],
    ["http://a/\u007f", "net/url: invalid control character in URL"],
    [":foo", "missing protocol scheme"],
    ["a1:b:c/d", undefined],
    ["1:b", "first path segment in URL cannot contain colon"],
    ["http://a/#%zz", 'invalid URL escape "%zz"'],
    ["a/b:c", undefined],
  ] as const) {
    test(`${JSON.stringify(text)}: ${fault ?? "fine"}`, () => {
      const url = parseUrl(text);
      assert.equal(url instanceof UrlFault ? url.message : undefined, fault);
    });
  }

  for (const [text, fault] of [
    ["", "empty url"],
    ["foo.html", "invalid URI for request"],
    ["../dir/", "invalid URI for request"],
    ["//not.a.user@not.a.host/just/a/path", undefined],
    ["http://192.168.0.1:8080/", undefined],
    ["http://a/#fragment", undefined],
    ["*", undefined],
  ] as const) {
    test(`${JSON.stringify(text)} of a request: ${fault ?? "fine"}`, () => {
      const url = parseRequestUri(text);
      assert.equal(url instanceof UrlFault ? url.message : undefined, fault);
    });
  }

  test("a host's parts, and a query's", () => {
    const url = parseUrl("http://[::1]:80/?a=1&b=%20&a=x+y&c;d=1&=e&%zz=f&g#h=i");
    assert.ok(!(url instanceof UrlFault));
    assert.deepEqual(hostAndPort(url), ["::1", "80"]);
    assert.deepEqual(Object.fromEntries(queryOf(url)), { a: ["1", "x y"], b: [" "], "": ["e"], g: [""] });
    assert.equal(url.fragment, "h=i");
  });
});
