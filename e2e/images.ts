/** Images made offline, as tars. */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");

/** The folder of .cache/images, built when it isn't there; with those that aren't made unless they are asked for. */
export function testImages(...more: readonly string[]): string {
  const script = resolve(root, "scripts/images/build.sh");
  execFileSync(script, { stdio: ["ignore", "ignore", "inherit"] });
  if (more.length > 0) execFileSync(script, more, { stdio: ["ignore", "ignore", "inherit"] });
  return resolve(root, ".cache/images");
}
