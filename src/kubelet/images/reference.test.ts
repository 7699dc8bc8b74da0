import assert from "node:assert/strict";
import { test } from "node:test";
import { asImageId, canonicalName, parseReference } from "./reference.ts";

const hex = "ab".repeat(32);

const names: readonly [string, string][] = [
  ["busybox", "docker.io/library/busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36"],
  ["grafana/loki", "docker.io/grafana/loki:latest"],
  ["docker.io/busybox", "docker.io/library/busybox:latest"],
  ["index.docker.io/library/busybox", "docker.io/library/busybox:latest"],
  ["registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"],
  ["localhost/a", "localhost/a:latest"],
  ["localhost:5000/a/b:v1", "localhost:5000/a/b:v1"],
  ["127.0.0.1:5000/a", "127.0.0.1:5000/a:latest"],
  [`busybox@sha256:${hex}`, `docker.io/library/busybox@sha256:${hex}`],
  [`busybox:1@sha256:${hex}`, `docker.io/library/busybox@sha256:${hex}`],
  ["[::1]:5000/a", "[::1]:5000/a:latest"],
];

for (const [text, expected] of names) {
  test(`parseReference: ${text.slice(0, 40)}`, () => {
    assert.equal(canonicalName(parseReference(text)), expected);
  });
}

const wrong = [
  "",
  "Busybox",
  "a//b",
  "a:",
  "a:-x",
  "a@sha256:12",
  "-a",
  "a/",
  " a",
  "a b",
  "docker.io/",
  `a:${"t".repeat(129)}`,
];

for (const text of wrong) {
  test(`parseReference refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.throws(() => parseReference(text), { name: "RuntimeError", code: "invalid" });
  });
}

test("asImageId takes an id with and without its algorithm", () => {
  assert.equal(asImageId(hex), `sha256:${hex}`);
  assert.equal(asImageId(`sha256:${hex}`), `sha256:${hex}`);
  assert.equal(asImageId("busybox"), undefined);
});
