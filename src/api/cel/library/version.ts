/** Semantic versions 2.0.0. upstream: blang/semver, apiserver/pkg/cel/library/semverlib.go */
import { parseUint64 } from "../../meta/go-integer.ts";
import { quote } from "./quote.ts";

export interface Version {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];
}

/** Or what is wrong with it. `normalize` takes "v1.2" and "01.2.3", too. */
export function parseVersion(text: string, normalize: boolean): Version | string {
  if (!normalize) return parse(text);
  const parts = splitInThree(text.replace(/^v/, "")).map(withoutZeros);
  if (parts.length < 3 && /[-+]/.test(parts.at(-1) ?? "")) {
    return "short version cannot contain PreRelease/Build meta data";
  }
  while (parts.length < 3) parts.push("0");
  return parse(parts.join("."));
}

/** The last part keeps its dots. */
function splitInThree(text: string): string[] {
  const [major = "", minor, ...rest] = text.split(".");
  if (minor === undefined) return [major];
  return rest.length === 0 ? [major, minor] : [major, minor, rest.join(".")];
}

const withoutZeros = (part: string): string =>
  part.length > 1 ? part.replace(/^0+/, "").replace(/^(?!\d)/, "0") : part;

/** What is found first is told: the numbers, the prerelease, the build. */
function parse(text: string): Version | string {
  if (text === "") return "Version string empty";
  const [major = "", minor = "", last] = splitInThree(text);
  if (last === undefined) return "No Major.Minor.Patch elements found";
  const [, patch = "", prerelease, build] = /^([^-+]*)(?:-([^+]*))?(?:\+(.*))?$/s.exec(last) ?? [];
  const names = prerelease?.split(".") ?? [];
  const fault = numbersFault([major, minor, patch]) ?? prereleaseFault(names) ?? buildFault(build);
  return fault ?? { numbers: [BigInt(major), BigInt(minor), BigInt(patch)], prerelease: names };
}

const hasLeadingZeros = (number: string): boolean => number.length > 1 && number.startsWith("0");

function numbersFault(parts: readonly string[]): string | undefined {
  for (const [index, part] of parts.entries()) {
    const name = ["major", "minor", "patch"][index] ?? "";
    if (!/^\d*$/.test(part)) return `Invalid character(s) found in ${name} number ${quote(part)}`;
    if (hasLeadingZeros(part)) {
      const titled = name.charAt(0).toUpperCase() + name.slice(1);
      return `${titled} number must not contain leading zeroes ${quote(part)}`;
    }
    const fault = rangeFault(part);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function rangeFault(number: string): string | undefined {
  const read = parseUint64(number);
  return typeof read === "string" ? read : undefined;
}

function prereleaseFault(names: readonly string[]): string | undefined {
  for (const name of names) {
    const fault = nameFault(name);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function nameFault(name: string): string | undefined {
  if (name === "") return "Prerelease is empty";
  if (!/^[0-9A-Za-z-]+$/.test(name)) return `Invalid character(s) found in prerelease ${quote(name)}`;
  if (!/^\d+$/.test(name)) return undefined;
  return hasLeadingZeros(name)
    ? `Numeric PreRelease version must not contain leading zeroes ${quote(name)}`
    : rangeFault(name);
}

function buildFault(build: string | undefined): string | undefined {
  if (build === undefined) return undefined;
  const bad = build.split(".").find((name) => !/^[0-9A-Za-z-]+$/.test(name));
  if (bad === undefined) return undefined;
  return bad === ""
    ? "Build meta data is empty"
    : `Invalid character(s) found in build meta data ${quote(bad)}`;
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
