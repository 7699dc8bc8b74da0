/** Names of signers, and of what belongs to one. upstream: pkg/apis/core/validation/names.go */
import { goQuote } from "../meta/go-quote.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { dnsLabelFaults, dnsSubdomainFaults, labelLengthMax, subdomainLengthMax } from "../meta/names.ts";

/** A domain, and a namespaced name. */
const signerLengthMax = subdomainLengthMax + 1 + labelLengthMax + 1 + subdomainLengthMax;

/** "example.com/some-name" */
export function checkSignerName(name: string, path: string, faults: FaultList): void {
  if (name === "") {
    faults.required(path);
    return;
  }
  const [domain = "", segment, ...more] = name.split("/");
  if (segment === undefined || more.length > 0) {
    faults.invalid(
      path,
      name,
      "must be a fully qualified domain and path of the form 'example.com/signer-name'",
    );
    return;
  }
  if (Buffer.byteLength(domain) > subdomainLengthMax) faults.tooLong(path, subdomainLengthMax);
  checkLabels(domain, dnsLabelFaults, path, faults);
  if (!domain.includes(".")) {
    faults.invalid(path, domain, "should be a domain with at least two segments separated by dots");
  }
  checkLabels(segment, dnsSubdomainFaults, path, faults);
  if (Buffer.byteLength(name) > signerLengthMax) faults.tooLong(path, signerLengthMax);
}

/** Of the labels that are wrong, the first. */
function checkLabels(
  text: string,
  labelFaults: (label: string) => readonly string[],
  path: string,
  faults: FaultList,
): void {
  const bad = text.split(".").find((label) => labelFaults(label).length > 0);
  if (bad === undefined) return;
  for (const message of labelFaults(bad)) {
    faults.invalid(path, text, `validating label ${goQuote(bad)}: ${message}`);
  }
}

const kubernetesDomain = /^(?:.*\.)?kubernetes\.io$/s;

/** The longest life that a pod may ask its signer for, in seconds: those of Kubernetes never give more than a day. */
export function certificateSecondsMax(signerName: string): number {
  const [domain = ""] = signerName.split("/", 1);
  return kubernetesDomain.test(domain) ? 86_400 : 91 * 86_400;
}

/** The shortest one, in seconds. */
export const certificateSecondsMin = 3600;

/** A bundle of a signer is called after it, with colons: "example.com:some-name:v1". */
export function trustBundleNameFaults(name: string, signerName: string): readonly string[] {
  if (signerName === "") {
    return name.includes(":")
      ? ['ClusterTrustBundle without signer name must not have ":" in its name']
      : dnsSubdomainFaults(name);
  }
  const prefix = `${signerName.replaceAll("/", ":")}:`;
  return name.startsWith(prefix)
    ? dnsSubdomainFaults(name.slice(prefix.length))
    : [`ClusterTrustBundle for signerName ${signerName} must be named with prefix ${prefix}`];
}

/** The signer that a bundle of this name belongs to; "" for none. */
export function signerOfTrustBundle(name: string): string {
  const end = name.lastIndexOf(":");
  return end < 0 ? "" : name.slice(0, end).replaceAll(":", "/");
}
