import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#api/meta/status.ts";
import { Targets } from "./target.ts";

test("a URL is read once, and by method", () => {
  const targets = new Targets();
  const url = "/api/v1/namespaces/a/pods/x?timeout=1s";
  const target = targets.of("GET", url);
  assert.equal(targets.of("GET", url), target);
  assert.deepEqual([target.path, target.query.get("timeout")], ["/api/v1/namespaces/a/pods/x", "1s"]);
  assert.deepEqual([target.info.verb, target.info.name], ["get", "x"]);
  assert.equal(targets.of("DELETE", url).info.verb, "delete");
});

test("a path that looks like another method's is no such request", () => {
  const targets = new Targets();
  const url = "/api/v1/namespaces/a/pods/x";
  assert.equal(targets.of("GET", `DELETE ${url}`).info.isResourceRequest, false);
  assert.equal(targets.of("DELETE", url).info.verb, "delete");
  assert.equal(targets.of("GET", `DELETE ${url}`).info.isResourceRequest, false);
});

test("what comes again stays, what came once goes, and what is long isn't kept", () => {
  const targets = new Targets();
  const often = targets.of("GET", "/often");
  const once = targets.of("GET", "/once");
  for (let n = 0; n < 5000; n++) {
    targets.of("GET", `/other/${n}`);
    assert.equal(targets.of("GET", "/often"), often);
  }
  assert.notEqual(targets.of("GET", "/once"), once);
  const long = `/${"x".repeat(1000)}`;
  assert.notEqual(targets.of("GET", long), targets.of("GET", long));
});

const isBad = (error: unknown): boolean => error instanceof StatusError && error.code === 400;

test("a path that can't be decoded is refused each time", () => {
  const targets = new Targets();
  for (let n = 0; n < 2; n++) assert.throws(() => targets.of("GET", "/%zz"), isBad);
});
