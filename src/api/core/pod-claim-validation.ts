/** Devices a pod claims, and which of its containers get them. upstream: pkg/apis/core/validation/validation.go (validatePodResourceClaims) */
import type { PodResourceClaim, PodSpec, ResourceClaim } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import { checkDnsLabel } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults } from "../meta/names.ts";

const claimShape: GoShape = {
  Name: ["name", ""],
  ResourceClaimName: ["resourceClaimName", null],
  ResourceClaimTemplateName: ["resourceClaimTemplateName", null],
};

function checkClaim(claim: Loose<PodResourceClaim>, path: string, faults: FaultList): void {
  const { resourceClaimName, resourceClaimTemplateName } = claim;
  if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
    faults.invalid(
      path,
      asGoStruct(claim, claimShape),
      "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
    );
  }
  if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
    const shown = asGoStruct(claim, claimShape);
    faults.invalid(path, shown, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
  }
  for (const [field, name] of Object.entries({ resourceClaimName, resourceClaimTemplateName })) {
    if (name !== undefined) faults.messages(`${path}.${field}`, name, dnsSubdomainFaults(name));
  }
}

/** What one container uses. upstream: validateResourceClaimNames */
export function checkClaimUse(
  claims: readonly Loose<ResourceClaim>[] = [],
  known: ReadonlySet<string>,
  path: string,
  faults: FaultList,
): void {
  const seen = new Set<string>();
  for (const [index, { name = "" }] of claims.entries()) {
    const at = `${path}[${index}]`;
    if (name === "") {
      faults.required(at);
      continue;
    }
    if (seen.has(name)) faults.duplicate(at, name);
    seen.add(name);
    if (known.has(name)) continue;
    const list = known.size === 0 ? " which is empty" : `: ${[...known].toSorted().join(", ")}`;
    faults.notFound(at, name, `must be one of the names in pod.spec.resourceClaims${list}`);
  }
}

/** Returns their names. */
export function checkPodClaims(spec: Loose<PodSpec>, path: string, faults: FaultList): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [index, claim] of (spec.resourceClaims ?? []).entries()) {
    const at = `${path}.resourceClaims[${index}]`;
    const { name = "" } = claim;
    if (name === "") faults.required(`${at}.name`);
    else if (names.has(name)) faults.duplicate(`${at}.name`, name);
    else {
      checkDnsLabel(name, `${at}.name`, faults);
      names.add(name);
    }
    checkClaim(claim, at, faults);
  }
  return names;
}
