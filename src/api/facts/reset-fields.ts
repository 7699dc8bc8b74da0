/**
 * Fields that a request can't change, whatever it says: nobody comes to manage them by it.
 * upstream: GetResetFields and GetResetFieldsFilter in pkg/registry/<group>/<resource>/strategy.go
 */
import { fieldKey } from "../patch/apply/path-element.ts";
import { setOfPaths, type FieldPattern } from "../patch/apply/field-tree.ts";
import type { IgnoredFields } from "../patch/apply/object-state.ts";

/** "resource.group/subresource" to paths. Without a line: status through the resource itself, spec through its status. */
const resetPaths: Readonly<Record<string, readonly string[]>> = {
  "pods/status": ["spec", "metadata.deletionTimestamp", "metadata.ownerReferences"],
  "namespaces/finalize": ["status"],
  "deployments.apps/status": ["spec", "metadata.labels"],
  "certificatesigningrequests.certificates.k8s.io/": ["spec", "status"],
  "certificatesigningrequests.certificates.k8s.io/status": ["spec", "status.conditions"],
  "certificatesigningrequests.certificates.k8s.io/approval": ["spec", "status.certificate"],
  // Upstream's strategy of the request itself resets nothing.
  "podcertificaterequests.certificates.k8s.io/": [],
  "customresourcedefinitions.apiextensions.k8s.io/status": ["metadata", "spec"],
  "flowschemas.flowcontrol.apiserver.k8s.io/status": ["metadata", "spec"],
  "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io/status": ["metadata", "spec"],
  // Upstream names a group that there isn't.
  "servicecidrs.networking.k8s.io/": [],
  "servicecidrs.networking.k8s.io/status": [],
  "resourceclaims.resource.k8s.io/status": ["metadata", "spec"],
  "storageversionmigrations.storagemigration.k8s.io/status": ["metadata", "spec"],
  "validatingadmissionpolicies.admissionregistration.k8s.io/status": ["metadata", "spec"],
  "volumeattachments.storage.k8s.io/status": ["metadata", "spec"],
};

const spec = fieldKey("spec");
const ofEachContainer: FieldPattern = {
  "*": { [fieldKey("resources")]: true, [fieldKey("resizePolicy")]: true },
};

/** Where a request changes only a part, the part. */
const onlyPatterns: Readonly<Record<string, FieldPattern>> = {
  "pods/ephemeralcontainers": { [spec]: { [fieldKey("ephemeralContainers")]: true } },
  "pods/resize": {
    [spec]: { [fieldKey("containers")]: ofEachContainer, [fieldKey("initContainers")]: ofEachContainer },
  },
};

/** `name` is "pods" or "deployments.apps"; the subresource "" for the resource itself. */
export function ignoredFieldsOf(name: string, subresource: string, hasStatus: boolean): IgnoredFields {
  const key = `${name}/${subresource}`;
  const only = onlyPatterns[key];
  if (only !== undefined) return { only };
  const usual = subresource === "status" ? ["spec"] : subresource === "" && hasStatus ? ["status"] : [];
  const paths = resetPaths[key] ?? usual;
  return { reset: setOfPaths(paths.map((path) => path.split(".").map(fieldKey))) };
}
