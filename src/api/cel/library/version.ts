/** Semantic versions 2.0.0. upstream: blang/semver, apiserver/pkg/cel/library/semverlib.go */
export interface Version {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];
}

/** Or what is wrong with it. `normalize` takes "v1.2" and "01.2.3", too. */
export function parseVersion(text: string, normalize: boolean): Version | string {
  const written = normalize ? normalized(text) : text;
  if (written === "") return "Version string empty";
  const [, core = "", prerelease, build] = /^([^-+]*)(?:-([^+]*))?(?:\+(.*))?$/s.exec(written) ?? [];
  const parts = core.split(".");
  if (parts.length !== 3) return "No Major.Minor.Patch elements found";
  const fault = numbersFault(parts) ?? namesFault(prerelease, build);
  if (fault !== undefined) return fault;
  const [major = "0", minor = "0", patch = "0"] = parts;
  return { numbers: [BigInt(major), BigInt(minor), BigInt(patch)], prerelease: prerelease?.split(".") ?? [] };
}

function numbersFault(parts: readonly string[]): string | undefined {
  for (const [index, part] of parts.entries()) {
    const name = ["major", "minor", "patch"][index] ?? "";
    if (!/^\d+$/.test(part)) return `Invalid character(s) found in ${name} number ${JSON.stringify(part)}`;
    if (part.length > 1 && part.startsWith("0")) {
      const titled = name.charAt(0).toUpperCase() + name.slice(1);
      return `${titled} number must not contain leading zeroes ${JSON.stringify(part)}`;
    }
  }
  return undefined;
}

function namesFault(prerelease: string | undefined, build: string | undefined): string | undefined {
  const names = [...(prerelease?.split(".") ?? []), ...(build?.split(".") ?? [])];
  const isBad = names.some((name) => !/^[0-9A-Za-z-]+$/.test(name));
  return isBad ? "Invalid character(s) found in prerelease" : undefined;
}

function normalized(text: string): string {
  const trimmed = text.trim().replace(/^v/, "");
  const [, core = "", rest = ""] = /^([^-+]*)(.*)$/s.exec(trimmed) ?? [];
  const parts = core.split(".").map((part) => part.replace(/^0+(?=\d)/, ""));
  if (parts.length < 3 && rest !== "") return trimmed;
  while (parts.length < 3) parts.push("0");
  return parts.join(".") + rest;
}

export function compareVersions(a: Version, b: Version): -1 | 0 | 1 {
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index] ?? 0n;
    if (number !== other) return number < other ? -1 : 1;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) {
    return a.prerelease.length === b.prerelease.length ? 0 : a.prerelease.length === 0 ? 1 : -1;
  }
  for (const [index, name] of a.prerelease.entries()) {
    const order = comparePart(name, b.prerelease[index]);
    if (order !== 0) return order;
  }
  return a.prerelease.length < b.prerelease.length ? -1 : 0;
}

/** Numbers come before words. */
function comparePart(a: string, b: string | undefined): -1 | 0 | 1 {
  if (b === undefined) return 1;
  if (a === b) return 0;
  const [aIsNumber, bIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1;
  if (aIsNumber) return BigInt(a) < BigInt(b) ? -1 : 1;
  return a < b ? -1 : 1;
}
