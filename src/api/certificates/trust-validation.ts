/**
 * Trust bundles and certificates for pods, but for what only a reader of certificates can tell: that is the registry's
 * business. upstream: pkg/apis/certificates/validation/validation.go
 */
import type {
  ClusterTrustBundle,
  PodCertificateRequest,
  PodCertificateRequestSpec,
} from "../generated/types/certificates-v1beta1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable } from "../meta/field-rules.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults } from "../meta/names.ts";
import {
  certificateSecondsMax,
  certificateSecondsMin,
  checkSignerName,
  trustBundleNameFaults,
} from "./signer-names.ts";
import { checkUserAnnotations } from "./user-annotations.ts";

type Bundle = Loose<ClusterTrustBundle>;
type Request = Loose<PodCertificateRequest>;

function checkBundle({ spec }: Bundle, faults: FaultList): void {
  const signerName = spec?.signerName ?? "";
  if (signerName !== "") checkSignerName(signerName, "spec.signerName", faults);
}

function checkBundleUpdate({ spec }: Bundle, { spec: old }: Bundle, faults: FaultList): void {
  checkImmutable(spec?.signerName ?? "", old?.signerName ?? "", "spec.signerName", faults);
}

const uidLengthMax = 128;

function checkRequest({ spec = {} }: Request, faults: FaultList): void {
  const { signerName = "", unverifiedUserAnnotations, maxExpirationSeconds: seconds } = spec;
  checkSignerName(signerName, "spec.signerName", faults);
  checkUserAnnotations(unverifiedUserAnnotations, "spec.unverifiedUserAnnotations", faults);
  for (const owner of ["pod", "serviceAccount", "node"] as const) checkSubject(spec, owner, faults);
  const at = "spec.maxExpirationSeconds";
  const max = certificateSecondsMax(signerName);
  if (seconds === undefined) faults.required(at, "must be set");
  else if (seconds < certificateSecondsMin || seconds > max) {
    faults.invalid(at, seconds, `must be in the range [${certificateSecondsMin}, ${max}]`);
  }
}

function checkSubject(
  spec: Loose<PodCertificateRequestSpec>,
  owner: "pod" | "serviceAccount" | "node",
  faults: FaultList,
): void {
  const { [`${owner}Name` as const]: name = "", [`${owner}UID` as const]: uid = "" } = spec;
  faults.messages(`spec.${owner}Name`, name, dnsSubdomainFaults(name));
  const at = `spec.${owner}UID`;
  if (uid === "") faults.invalid(at, uid, "must not be empty");
  if (Buffer.byteLength(uid) > uidLengthMax) faults.tooLong(at, uidLengthMax);
}

const requestShape: GoShape = {
  SignerName: ["signerName", ""],
  PodName: ["podName", ""],
  PodUID: ["podUID", ""],
  ServiceAccountName: ["serviceAccountName", ""],
  ServiceAccountUID: ["serviceAccountUID", ""],
  NodeName: ["nodeName", ""],
  NodeUID: ["nodeUID", ""],
  MaxExpirationSeconds: ["maxExpirationSeconds", null],
  PKIXPublicKey: ["pkixPublicKey", null],
  ProofOfPossession: ["proofOfPossession", null],
  UnverifiedUserAnnotations: ["unverifiedUserAnnotations", null],
};

function checkRequestUpdate({ spec = {} }: Request, { spec: old = {} }: Request, faults: FaultList): void {
  checkImmutable(asGoStruct(spec, requestShape), asGoStruct(old, requestShape), "spec", faults);
}

export const trustValidations: ValidationsByKind = {
  ClusterTrustBundle: {
    nameFaults: (name, { spec }: Bundle) => trustBundleNameFaults(name, spec?.signerName ?? ""),
    check: checkBundle,
    onUpdate: checkBundleUpdate,
    steps: ["metadata", "rules", "metadata change", "change"],
  },
  PodCertificateRequest: { onCreate: checkRequest, onUpdate: checkRequestUpdate },
};
