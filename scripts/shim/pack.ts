/** Writes the binaries of a folder, packed, as constants: node pack.ts FOLDER TARGET.ts */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [folder = "", target = ""] = process.argv.slice(2);
const names = ["shim.x64", "shim.arm64", "pause.x64", "pause.arm64"];
const constant = (name: string): string => {
  const packed = gzipSync(readFileSync(join(folder, name)), { level: 9 });
  packed[9] = 255; // The header's "operating system": unknown, so that every machine packs the same.
  return `  "${name}":\n    "${packed.toString("base64")}",\n`;
};

writeFileSync(
  target,
  `/** Programs the runtimes need, gzipped, base64. Made by scripts/shim/build.sh from the C sources beside it. */
export const packedBinaries = {
${names.map(constant).join("")}} as const;
`,
);
