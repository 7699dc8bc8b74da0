import assert from "node:assert/strict";
import { test } from "node:test";
import { searchPath } from "./search-path.ts";

const standard = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

for (const [name, path, expected] of [
  ["nothing named: the standard", undefined, standard],
  ["an empty one names no directory, not the current one", "", standard],
  [
    "what is named comes first, once",
    "/opt/bin:/usr/bin",
    `/opt/bin:/usr/bin:${standard.replace("/usr/bin:", "")}`,
  ],
  ["one that names all stays", standard, standard],
] as const) {
  test(`searchPath: ${name}`, () => {
    assert.equal(searchPath(path), expected);
  });
}
