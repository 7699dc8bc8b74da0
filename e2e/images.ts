/** Images made offline, as tars. */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");

/** The folder of .cache/images, built when it isn't there. */
export function testImages(): string {
  execFileSync(resolve(root, "scripts/images/build.sh"), { stdio: ["ignore", "ignore", "inherit"] });
  return resolve(root, ".cache/images");
}
