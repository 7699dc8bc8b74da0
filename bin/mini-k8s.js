#!/usr/bin/env node
// The entry that any Node can parse, so that an old one ends in a sentence instead of a syntax error.
"use strict";
var major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  process.stderr.write(
    "mini-k8s needs Node 24 or newer, this is " +
      process.version +
      ".\n" +
      "`npm start` in its folder brings the right one; the built executable needs none.\n",
  );
  process.exit(1);
} else {
  // Types stripped and code compiled once. Beside the packages: /tmp is anybody's to write.
  process
    .getBuiltinModule("node:module")
    .enableCompileCache(new URL("../node_modules/.cache/mini-k8s", import.meta.url).pathname);
  import("./mini-k8s.ts").catch(function (error) {
    process.stderr.write(String((error && error.stack) || error) + "\n");
    process.exit(1);
  });
}
