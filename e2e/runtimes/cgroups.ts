/** Removes a pod hierarchy's cgroups, as the kubelet would. */
import { readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";

function removeTree(directory: string): void {
  let names: string[];
  try {
    names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return;
  }
  for (const name of names) removeTree(join(directory, name));
  rmdirSync(directory);
}

/** In every hierarchy; those still in use fail. */
export function removeCgroups(path: string): void {
  const root = "/sys/fs/cgroup";
  removeTree(join(root, path));
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(root, entry.name, path));
  }
}
