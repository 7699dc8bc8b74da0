/**
 * Signing requests, but for what only a reader of PEM and certificates can tell: that is the registry's business.
 * upstream: pkg/apis/certificates/validation/validation.go
 */
import { goQuote } from "../meta/go-quote.ts";
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from "../generated/types/certificates-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { repeatedAt } from "../meta/field-rules.ts";
import type { Step, ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { pathSegmentFaults } from "../meta/names.ts";
import { checkSignerName } from "./signer-names.ts";

const expirationSecondsMin = 600;
const legacySigner = "kubernetes.io/legacy-unknown";
const statuses = ["False", "True", "Unknown"];

const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];

/** What is from before v1 may keep the name that it had. */
function checkSigner(name: string, faults: FaultList): void {
  if (name !== legacySigner) {
    checkSignerName(name, "spec.signerName", faults);
    return;
  }
  faults.ratcheting("legacySigner", (found) => {
    found.invalid("spec.signerName", name, "the legacy signerName is not allowed via this API version");
  });
}

function checkRequest({ spec = {} }: Loose<CertificateSigningRequest>, faults: FaultList): void {
  const wanted = spec.usages ?? [];
  if (wanted.length === 0) faults.required("spec.usages");
  faults.ratcheting("unknownUsages", (found) => {
    for (const [index, usage] of wanted.entries()) {
      found.optionalOneOf(`spec.usages[${index}]`, usage, usages);
    }
  });
  faults.ratcheting("duplicateUsages", (found) => {
    for (const index of repeatedAt(wanted)) found.duplicate(`spec.usages[${index}]`, wanted[index]);
  });
  checkSigner(spec.signerName ?? "", faults);
  const seconds = spec.expirationSeconds;
  if (seconds !== undefined && seconds < expirationSecondsMin) {
    faults.invalid(
      "spec.expirationSeconds",
      seconds,
      `may not specify a duration less than ${expirationSecondsMin} seconds (10 minutes)`,
    );
  }
}

type Conditions = readonly Loose<CertificateSigningRequestCondition>[];

/** What v1 doesn't allow any longer may stay where it is. */
function checkConditions(conditions: Conditions = [], faults: FaultList): void {
  const seen = new Set<string>();
  for (const [index, { type = "", status = "" }] of conditions.entries()) {
    const at = `status.conditions[${index}]`;
    faults.ratcheting("emptyConditionTypes", (found) => {
      if (type === "") found.required(`${at}.type`);
    });
    if (status === "") faults.required(`${at}.status`);
    else {
      const known = ["Approved", "Denied", "Failed"].includes(type) ? ["True"] : statuses;
      if (!known.includes(status)) faults.notSupported(`${at}.status`, status, known);
    }
    const opposite = { Approved: "Denied", Denied: "Approved" }[type];
    faults.ratcheting("approvedAndDenied", (found) => {
      if (opposite === undefined || !seen.has(opposite)) return;
      found.invalid("status.conditions", type, "Approved and Denied conditions are mutually exclusive");
    });
    faults.ratcheting("duplicateConditionTypes", (found) => {
      if (seen.has(type)) found.duplicate(`${at}.type`, type);
    });
    seen.add(type);
  }
}

type Request = Loose<CertificateSigningRequest>;

const countOf = ({ status }: Request, type: string): number =>
  (status?.conditions ?? []).filter((condition) => condition.type === type).length;

/** What both ways to change the status must not do. */
function checkStatusChange(request: Request, old: Request, faults: FaultList): void {
  checkConditions(request.status?.conditions, faults);
  for (const type of ["Approved", "Denied", "Failed"]) {
    if (countOf(request, type) < countOf(old, type)) {
      const detail = `updates may not remove a condition of type ${goQuote(type)}`;
      faults.forbidden("status.conditions", detail);
    }
  }
}

/** Through /status: a certificate may be set, but nothing approved. */
function checkStatus(request: Request, old: Request, faults: FaultList): void {
  checkStatusChange(request, old, faults);
  for (const type of ["Approved", "Denied"]) {
    if (countOf(request, type) > countOf(old, type)) {
      const detail = `updates may not add a condition of type ${goQuote(type)}`;
      faults.forbidden("status.conditions", detail);
    }
  }
  const before = old.status?.certificate ?? "";
  if (before !== "" && (request.status?.certificate ?? "") !== before) {
    faults.forbidden("status.certificate", "updates may not modify existing certificate content");
  }
}

/** Through /approval: the other way round. */
export function checkApprovalUpdate(request: Request, old: Request, faults: FaultList): void {
  checkStatusChange(request, old, faults);
  if ((request.status?.certificate ?? "") !== (old.status?.certificate ?? "")) {
    faults.forbidden("status.certificate", "updates may not set certificate content");
  }
}

/** Of updates through both. */
export const requestSteps: readonly Step[] = ["metadata", "change", "metadata change"];

export const certificatesValidations: ValidationsByKind = {
  CertificateSigningRequest: {
    nameFaults: pathSegmentFaults,
    check: checkRequest,
    onStatusUpdate: checkStatus,
    steps: ["metadata", "rules", "metadata change"],
    statusSteps: requestSteps,
  },
};
