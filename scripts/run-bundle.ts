/** Bundles what `npm start` runs: node_modules/.cache/mini-k8s-run/{main,worker}.cjs. A second. */
import { mkdirSync, renameSync, rmSync, utimesSync } from "node:fs";
import { resolve } from "node:path";
import { bundle } from "./bundle.ts";

const target = resolve(import.meta.dirname, "../node_modules/.cache/mini-k8s-run");
const work = `${target}.tmp-${process.pid}`;
const startedAt = new Date();
mkdirSync(work, { recursive: true });
try {
  await Promise.all([
    bundle("bin/mini-k8s.ts", resolve(work, "main.cjs"), { minify: false }),
    bundle("src/store/sqlite/worker.ts", resolve(work, "worker.cjs"), { minify: false }),
  ]);
  // A source that changed since we began is newer than the bundle.
  utimesSync(resolve(work, "main.cjs"), startedAt, startedAt);
  rmSync(target, { recursive: true, force: true });
  renameSync(work, target);
} finally {
  rmSync(work, { recursive: true, force: true });
}
