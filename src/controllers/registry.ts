/** Every controller by upstream's name. */
import { tokenCleanerController } from "./bootstraptokens/cleaner.ts";
import { bootstrapSignerController } from "./bootstraptokens/signer.ts";
import { csrApprovingController } from "./certificates/approving.ts";
import { csrCleanerController } from "./certificates/cleaner.ts";
import { podCertificateCleanerController } from "./certificates/pod-certificate-cleaner.ts";
import { csrSigningController } from "./certificates/signing.ts";
import { trustBundlePublisherController } from "./certificates/trust-bundle-publisher.ts";
import type { ControllerFactory } from "./controller.ts";
import { deploymentController } from "./deployment/controller.ts";
import { endpointsController } from "./endpoints/controller.ts";
import { endpointSliceController } from "./endpointslice/controller.ts";
import { garbageCollectorController } from "./garbage/controller.ts";
import { namespaceController } from "./namespace/controller.ts";
import { nodeIpamController } from "./nodeipam/controller.ts";
import { nodeLifecycleController } from "./nodelifecycle/controller.ts";
import { podGcController } from "./podgc/controller.ts";
import { taintEvictionController } from "./tainteviction/controller.ts";
import { policyStatusController } from "./policystatus/controller.ts";
import { replicaSetController, replicationControllerController } from "./replicaset/controller.ts";
import { resourceQuotaController } from "./resourcequota/controller.ts";
import { rootCaController } from "./root-ca/controller.ts";
import { serviceCidrController } from "./servicecidrs/controller.ts";
import { serviceAccountController } from "./serviceaccount/controller.ts";
import { serviceAccountTokenController } from "./serviceaccounttokens/controller.ts";
import { storageMigrationController } from "./storagemigration/controller.ts";
import { claimProtectionController } from "./storageprotection/claims.ts";
import { volumeProtectionController } from "./storageprotection/volumes.ts";

export const controllerFactories: Readonly<Record<string, ControllerFactory>> = {
  namespace: namespaceController,
  garbagecollector: garbageCollectorController,
  serviceaccount: serviceAccountController,
  "serviceaccount-token": serviceAccountTokenController,
  bootstrapsigner: bootstrapSignerController,
  tokencleaner: tokenCleanerController,
  "root-ca-certificate-publisher": rootCaController,
  csrapproving: csrApprovingController,
  csrsigning: csrSigningController,
  csrcleaner: csrCleanerController,
  "podcertificaterequest-cleaner": podCertificateCleanerController,
  "kube-apiserver-serving-clustertrustbundle-publisher": trustBundlePublisherController,
  deployment: deploymentController,
  endpoints: endpointsController,
  endpointslice: endpointSliceController,
  nodeipam: nodeIpamController,
  nodelifecycle: nodeLifecycleController,
  podgc: podGcController,
  "taint-eviction": taintEvictionController,
  replicaset: replicaSetController,
  replicationcontroller: replicationControllerController,
  resourcequota: resourceQuotaController,
  "service-cidr-controller": serviceCidrController,
  "validatingadmissionpolicy-status": policyStatusController,
  "storage-version-migrator": storageMigrationController,
  "pvc-protection": claimProtectionController,
  "pv-protection": volumeProtectionController,
};
