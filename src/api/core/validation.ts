/** The core group's own rules. upstream: pkg/apis/core/validation/validation.go */
import type { Binding, PodTemplate, ReplicationController } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Step, ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dns1035LabelFaults, dnsLabelFaults } from "../meta/names.ts";
import { checkServiceStatusUpdate } from "./balancer-status-validation.ts";
import { checkClaim, checkClaimStatusUpdate, checkClaimUpdate } from "./claim-validation.ts";
import {
  checkMountOptions,
  checkPersistentVolume,
  checkPersistentVolumeUpdate,
} from "./persistent-volume-validation.ts";
import { checkConfigMap, checkConfigMapUpdate, checkSecret, checkSecretUpdate } from "./data-validation.ts";
import { checkEndpoints } from "./endpoints-validation.ts";
import { eventValidation } from "./event-validation.ts";
import { checkNamespace, checkNamespaceStatusUpdate, checkNode, checkNodeUpdate } from "./node-validation.ts";
import { checkPodStatusUpdate } from "./pod-status-validation.ts";
import { checkPodUpdate } from "./pod-update-validation.ts";
import { checkPodCreate, checkPodTemplate, hasNoNamedClaims } from "./pod-validation.ts";
import { checkLimitRange } from "./limit-range-validation.ts";
import {
  checkResourceQuota,
  checkResourceQuotaStatusUpdate,
  checkResourceQuotaUpdate,
} from "./quota-validation.ts";
import {
  checkReplicaStatus,
  checkReplicationController,
  checkReplicationControllerUpdate,
} from "./replication-validation.ts";
import { checkService, checkServiceUpdate } from "./service-validation.ts";

function checkBinding({ target }: Loose<Binding>, faults: FaultList): void {
  const kind = target?.kind ?? "";
  if (kind !== "" && kind !== "Node") faults.notSupported("target.kind", kind, ["Node", "<empty>"]);
  if ((target?.name ?? "") === "") faults.required("target.name");
}

const changesFirst: readonly Step[] = ["metadata change", "change", "metadata", "rules"];

export const coreValidations: ValidationsByKind = {
  Binding: { check: checkBinding },
  ConfigMap: { check: checkConfigMap, onUpdate: checkConfigMapUpdate, steps: changesFirst },
  Endpoints: { check: checkEndpoints, steps: ["metadata change", "metadata", "rules"] },
  Event: eventValidation,
  LimitRange: { check: checkLimitRange, steps: ["metadata", "rules"] },
  Namespace: {
    nameFaults: dnsLabelFaults,
    check: checkNamespace,
    steps: ["metadata", "rules", "metadata change"],
    onStatusUpdate: checkNamespaceStatusUpdate,
  },
  Node: {
    check: checkNode,
    onUpdate: checkNodeUpdate,
    onStatusUpdate: checkNodeUpdate,
    steps: ["metadata", "rules", "metadata change", "change"],
  },
  PersistentVolume: {
    check: checkPersistentVolume,
    onCreate: checkMountOptions,
    onUpdate: checkPersistentVolumeUpdate,
    newSteps: ["metadata", "rules", "creation"],
    steps: ["metadata", "rules", "creation", "metadata", "rules", "change"],
    statusSteps: ["metadata change"],
  },
  PersistentVolumeClaim: {
    check: checkClaim,
    onUpdate: checkClaimUpdate,
    steps: ["metadata change", "metadata", "rules", "change"],
    onStatusUpdate: checkClaimStatusUpdate,
  },
  Pod: {
    onCreate: checkPodCreate,
    isOfSpecAndAnnotations: hasNoNamedClaims,
    onUpdate: checkPodUpdate,
    steps: ["metadata change", "metadata", "change"],
    onStatusUpdate: checkPodStatusUpdate,
  },
  PodTemplate: {
    check: ({ template }: Loose<PodTemplate>, faults) => checkPodTemplate(template, "template", faults),
  },
  ReplicationController: {
    trustsPrefixes: true,
    check: checkReplicationController,
    onUpdate: checkReplicationControllerUpdate,
    steps: ["metadata", "rules", "metadata change", "rules", "change"],
    onStatusUpdate: ({ status }: Loose<ReplicationController>, _old, faults) =>
      checkReplicaStatus(status, faults),
  },
  ResourceQuota: {
    check: checkResourceQuota,
    onUpdate: checkResourceQuotaUpdate,
    onStatusUpdate: checkResourceQuotaStatusUpdate,
  },
  Secret: { check: checkSecret, onUpdate: checkSecretUpdate, steps: changesFirst },
  Service: {
    nameFaults: dns1035LabelFaults,
    check: checkService,
    onUpdate: checkServiceUpdate,
    steps: changesFirst,
    onStatusUpdate: checkServiceStatusUpdate,
  },
  ServiceAccount: { steps: ["metadata change", "metadata"] },
};
