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

/** Claims as a whole, and single requests of others. */
class UsedClaims {
  readonly #faults: FaultList;
  readonly #whole = new Set<string>();
  readonly #requests = new Map<string, Set<string>>();

  constructor(faults: FaultList) {
    this.#faults = faults;
  }

  add(name: string, request: string, path: string): void {
    if (this.#whole.has(name)) {
      this.#faults.duplicate(path, name);
      return;
    }
    const requests = this.#requests.get(name) ?? new Set();
    if (request === "") {
      // Told of each request of it that is used already.
      for (const _ of requests) this.#faults.duplicate(path, name);
      this.#whole.add(name);
      return;
    }
    checkDnsLabel(request, `${path}.request`, this.#faults);
    if (requests.has(request)) this.#faults.duplicate(path, `${name}/${request}`);
    this.#requests.set(name, requests.add(request));
  }
}

/** What one container uses. upstream: validateResourceClaimNames */
export function checkClaimUse(
  claims: readonly Loose<ResourceClaim>[] = [],
  known: ReadonlySet<string>,
  path: string,
  faults: FaultList,
): void {
  const used = new UsedClaims(faults);
  for (const [index, { name = "", request = "" }] of claims.entries()) {
    const at = `${path}[${index}]`;
    if (name === "") {
      faults.required(at);
      continue;
    }
    used.add(name, request, at);
    if (known.has(name)) continue;
    const list = known.size === 0 ? " which is empty" : `: ${[...known].toSorted().join(", ")}`;
    faults.notFound(at, name, `must be one of the names in pod.spec.resourceClaims${list}`);
  }
}

/** Returns their names. `isMirror`: of a static pod, which has nobody to claim for it. */
export function checkPodClaims(
  spec: Loose<PodSpec>,
  isMirror: boolean,
  path: string,
  faults: FaultList,
): ReadonlySet<string> {
  const claims = spec.resourceClaims ?? [];
  if (isMirror) {
    for (const _ of claims) faults.forbidden("", "static pods do not support resource claims");
    return new Set(claims.map(({ name = "" }) => name).filter((name) => name !== ""));
  }
  const names = new Set<string>();
  for (const [index, claim] of claims.entries()) {
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
