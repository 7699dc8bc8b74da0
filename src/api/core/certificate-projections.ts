/** Trust bundles and certificates in a pod's volumes. upstream: pkg/apis/core/validation/validation.go (validateProjectionSources) */
import {
  certificateSecondsMax,
  certificateSecondsMin,
  checkSignerName,
  signerOfTrustBundle,
  trustBundleNameFaults,
} from "../certificates/signer-names.ts";
import { checkUserAnnotations } from "../certificates/user-annotations.ts";
import type { ClusterTrustBundleProjection, PodCertificateProjection } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkLabelSelector } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { trustBundleAsGo } from "./go-shapes.ts";
import { checkFilePath } from "./path-rules.ts";

type TrustBundle = Loose<ClusterTrustBundleProjection>;

export function checkTrustBundle(bundle: TrustBundle, path: string, faults: FaultList): void {
  checkSelection(bundle, path, faults);
  const { path: file = "" } = bundle;
  if (file === "") faults.required(`${path}.path`);
  checkFilePath(file, `${path}.path`, faults);
}

function checkSelection(bundle: TrustBundle, path: string, faults: FaultList): void {
  const { name, signerName, labelSelector } = bundle;
  if (name !== undefined && signerName !== undefined) {
    faults.invalid(path, trustBundleAsGo(bundle), "only one of name and signerName may be used");
  } else if (name !== undefined) {
    if (name === "") faults.required(`${path}.name`, "must be a valid object name");
    for (const message of trustBundleNameFaults(name, signerOfTrustBundle(name))) {
      faults.invalid(`${path}.name`, name, `not a valid clustertrustbundlename: ${message}`);
    }
    if (labelSelector !== undefined) {
      const detail = "labelSelector must be unset if name is specified";
      faults.invalid(`${path}.labelSelector`, labelSelector, detail);
    }
  } else if (signerName !== undefined) {
    if (signerName === "") faults.required(`${path}.signerName`, "must be a valid signer name");
    checkSignerName(signerName, `${path}.signerName`, faults);
    checkLabelSelector(labelSelector, `${path}.labelSelector`, faults);
  } else faults.required(path, "either name or signerName must be specified");
}

const keyTypes = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];

export function checkPodCertificate(
  certificate: Loose<PodCertificateProjection>,
  path: string,
  faults: FaultList,
): void {
  const { signerName = "", keyType = "", maxExpirationSeconds: seconds, userAnnotations } = certificate;
  checkSignerName(signerName, `${path}.signerName`, faults);
  checkUserAnnotations(userAnnotations, `${path}.userAnnotations`, faults);
  if (!keyTypes.includes(keyType)) faults.notSupported(`${path}.keyType`, keyType, keyTypes);
  if (seconds !== undefined) checkSeconds(seconds, signerName, `${path}.maxExpirationSeconds`, faults);
}

function checkSeconds(seconds: number, signerName: string, path: string, faults: FaultList): void {
  const max = certificateSecondsMax(signerName);
  const only = "if provided, maxExpirationSeconds must be";
  if (seconds < certificateSecondsMin) {
    faults.invalid(path, seconds, `${only} >= ${certificateSecondsMin}`);
  } else if (seconds > max) faults.invalid(path, seconds, `${only} <= ${max}`);
}
