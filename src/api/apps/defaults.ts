/** Defaults of the apps group. upstream: pkg/apis/apps/v1/defaults.go */
import { defaultPersistentVolumeClaim } from "../core/defaults.ts";
import { defaultPodTemplate } from "../core/pod-defaults.ts";
import type {
  DaemonSet,
  DaemonSetSpec,
  Deployment,
  DeploymentSpec,
  ReplicaSet,
  StatefulSet,
  StatefulSetSpec,
} from "../generated/types/apps-v1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

const historyMax = 10;

function defaultDeploymentStrategy(spec: Loose<DeploymentSpec>): void {
  const strategy = (spec.strategy ??= {});
  strategy.type ||= "RollingUpdate";
  if (strategy.type !== "RollingUpdate") return;
  const rolling = (strategy.rollingUpdate ??= {});
  rolling.maxUnavailable ??= "25%";
  rolling.maxSurge ??= "25%";
}

function defaultDeployment(deployment: Loose<Deployment>): void {
  const spec = (deployment.spec ??= {});
  spec.replicas ??= 1;
  defaultDeploymentStrategy(spec);
  spec.revisionHistoryLimit ??= historyMax;
  spec.progressDeadlineSeconds ??= 600;
  defaultPodTemplate((spec.template ??= {}));
}

function defaultReplicaSet(set: Loose<ReplicaSet>): void {
  const spec = (set.spec ??= {});
  spec.replicas ??= 1;
  defaultPodTemplate((spec.template ??= {}));
}

function defaultDaemonStrategy(spec: Loose<DaemonSetSpec>): void {
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ||= "RollingUpdate";
  if (strategy.type !== "RollingUpdate") return;
  const rolling = (strategy.rollingUpdate ??= {});
  rolling.maxUnavailable ??= 1;
  rolling.maxSurge ??= 0;
}

function defaultDaemonSet(set: Loose<DaemonSet>): void {
  const spec = (set.spec ??= {});
  defaultDaemonStrategy(spec);
  spec.revisionHistoryLimit ??= historyMax;
  defaultPodTemplate((spec.template ??= {}));
}

function defaultStatefulStrategy(spec: Loose<StatefulSetSpec>): void {
  const strategy = (spec.updateStrategy ??= {});
  if (strategy.type === undefined || strategy.type === "") {
    strategy.type = "RollingUpdate";
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type !== "RollingUpdate" || strategy.rollingUpdate === undefined) return;
  strategy.rollingUpdate.partition ??= 0;
  // On by default since 1.35 (MaxUnavailableStatefulSet).
  strategy.rollingUpdate.maxUnavailable ??= 1;
}

function defaultStatefulSet(set: Loose<StatefulSet>): void {
  const spec = (set.spec ??= {});
  spec.podManagementPolicy ||= "OrderedReady";
  defaultStatefulStrategy(spec);
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
  retention.whenDeleted ||= "Retain";
  retention.whenScaled ||= "Retain";
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= historyMax;
  defaultPodTemplate((spec.template ??= {}));
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion = "v1";
    claim.kind = "PersistentVolumeClaim";
    defaultPersistentVolumeClaim(claim);
  }
}

export const appsDefaults: DefaultsByKind = {
  DaemonSet: defaultDaemonSet,
  Deployment: defaultDeployment,
  ReplicaSet: defaultReplicaSet,
  StatefulSet: defaultStatefulSet,
};
