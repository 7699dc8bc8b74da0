/** Signing requests. upstream: pkg/apis/certificates/validation/validation.go */
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from "../generated/types/certificates-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults } from "../meta/names.ts";

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

/** "example.com/some-name" */
function checkSigner(name: string, path: string, faults: FaultList): void {
  if (name === "") {
    faults.required(path);
    return;
  }
  if (name === legacySigner) {
    faults.invalid(path, name, "the legacy signerName is not allowed via this API version");
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
  if (domain === "") faults.invalid(path, name, "validation error");
  for (const message of dnsSubdomainFaults(domain)) {
    faults.invalid(path, name, `validating label ${JSON.stringify(domain)}: ${message}`);
  }
  for (const message of dnsSubdomainFaults(segment)) {
    faults.invalid(path, name, `validating label ${JSON.stringify(segment)}: ${message}`);
  }
}

function checkRequest({ spec = {} }: Loose<CertificateSigningRequest>, faults: FaultList): void {
  const text = Buffer.from(spec.request ?? "", "base64").toString("latin1");
  if (!/-----BEGIN CERTIFICATE REQUEST-----/.test(text)) {
    faults.invalid("spec.request", spec.request ?? "", "PEM block type must be CERTIFICATE REQUEST");
  }
  const wanted = spec.usages ?? [];
  if (wanted.length === 0) faults.required("spec.usages");
  for (const [index, usage] of wanted.entries()) {
    faults.optionalOneOf(`spec.usages[${index}]`, usage, usages);
    if (wanted.indexOf(usage) !== index) faults.duplicate(`spec.usages[${index}]`, usage);
  }
  checkSigner(spec.signerName ?? "", "spec.signerName", faults);
  const seconds = spec.expirationSeconds;
  if (seconds !== undefined && seconds < expirationSecondsMin) {
    faults.invalid(
      "spec.expirationSeconds",
      seconds,
      `may not specify a duration less than ${expirationSecondsMin} seconds (10 minutes)`,
    );
  }
}

function checkConditions(
  conditions: readonly Loose<CertificateSigningRequestCondition>[] = [],
  faults: FaultList,
): void {
  const path = "status.conditions";
  const has = (type: string): boolean => conditions.some((condition) => condition.type === type);
  for (const [index, { type = "", status = "" }] of conditions.entries()) {
    const at = `${path}[${index}]`;
    if (type === "") faults.required(`${at}.type`);
    if (status === "") faults.required(`${at}.status`);
    else {
      const known = ["Approved", "Denied", "Failed"].includes(type) ? ["True"] : statuses;
      if (!known.includes(status)) faults.notSupported(`${at}.status`, status, known);
    }
    if (conditions.findIndex((one) => (one.type ?? "") === type) !== index) {
      faults.duplicate(`${at}.type`, type);
    }
  }
  if (has("Approved") && has("Denied")) {
    const index = conditions.findLastIndex(({ type }) => type === "Approved" || type === "Denied");
    faults.invalid(
      `${path}[${index}].type`,
      conditions[index]?.type,
      "Approved and Denied conditions are mutually exclusive",
    );
  }
}

function checkStatus(
  { status = {} }: Loose<CertificateSigningRequest>,
  old: Loose<CertificateSigningRequest>,
  faults: FaultList,
): void {
  checkConditions(status.conditions, faults);
  for (const type of ["Approved", "Denied", "Failed"]) {
    const had = old.status?.conditions?.some((condition) => condition.type === type) === true;
    const has = status.conditions?.some((condition) => condition.type === type) === true;
    if (had && !has) {
      faults.forbidden(
        "status.conditions",
        `updates may not remove a condition of type ${JSON.stringify(type)}`,
      );
    }
  }
  const [certificate, before] = [status.certificate ?? "", old.status?.certificate ?? ""];
  if (certificate === before) return;
  const fault = certificateFault(Buffer.from(certificate, "base64").toString("latin1"));
  if (fault !== undefined) faults.invalid("status.certificate", "<certificate data>", fault);
  if (before !== "") {
    faults.forbidden("status.certificate", "updates may not modify existing certificate content");
  }
}

const pemBlock = /-----BEGIN ([^-\n]+)-----\r?\n([^-]*)-----END \1-----/g;

/** upstream: validateCertificate. Whether the bytes are certificates is the signer's business. */
function certificateFault(pem: string): string | undefined {
  if (pem === "") return undefined;
  const blocks = [...pem.matchAll(pemBlock)];
  for (const [, label = "", body = ""] of blocks) {
    if (label !== "CERTIFICATE") {
      return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(label)}`;
    }
    if (body.includes(":")) return "no PEM block headers are permitted";
  }
  return blocks.length === 0 ? "must contain at least one CERTIFICATE PEM block" : undefined;
}

export const certificatesValidations: ValidationsByKind = {
  CertificateSigningRequest: {
    nameFaults: () => [],
    check: checkRequest,
    onUpdate: ({ spec }: Loose<CertificateSigningRequest>, old: Loose<CertificateSigningRequest>, faults) =>
      checkImmutable(spec, old.spec, "spec", faults),
    onStatusUpdate: checkStatus,
  },
};
