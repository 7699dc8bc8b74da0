// What `npm start` runs: the bundle of scripts/run-bundle.ts, compiled once.
"use strict";
const { enableCompileCache } = require("node:module");
const { join } = require("node:path");
const cache = join(__dirname, "../node_modules/.cache");
enableCompileCache(join(cache, "mini-k8s"));
require(join(cache, "mini-k8s-run/main.cjs"));
