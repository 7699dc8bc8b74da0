/** Defaults of pods and pod templates. upstream: pkg/apis/core/v1/{defaults,conversion}.go */
import type {
  Container,
  EnvVar,
  EphemeralContainer,
  HTTPGetAction,
  LifecycleHandler,
  Pod,
  PodSpec,
  PodStatus,
  PodTemplateSpec,
  Probe,
} from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";
import type { ObjectMeta } from "../meta/object.ts";
import { pullPolicyOf } from "./image-name.ts";
import { defaultPodResources } from "./pod-resource-defaults.ts";
import { fillResources, roundResources } from "./resource-list.ts";
import { defaultVolume } from "./volume-defaults.ts";

const graceSeconds = 30;

function defaultHttpGet(action: Loose<HTTPGetAction> | undefined): void {
  if (action === undefined) return;
  action.path ||= "/";
  action.scheme ||= "HTTP";
}

function defaultProbe(probe: Loose<Probe> | undefined): void {
  if (probe === undefined) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc !== undefined) probe.grpc.service ??= "";
}

const defaultHandler = (handler: Loose<LifecycleHandler> | undefined): void =>
  defaultHttpGet(handler?.httpGet);

function defaultEnv({ valueFrom }: Loose<EnvVar>): void {
  if (valueFrom?.fieldRef !== undefined) valueFrom.fieldRef.apiVersion ||= "v1";
  if (valueFrom?.fileKeyRef !== undefined) valueFrom.fileKeyRef.optional ??= false;
}

function defaultContainer(container: Loose<Container> | Loose<EphemeralContainer>): void {
  container.imagePullPolicy ||= pullPolicyOf(container.image ?? "");
  container.terminationMessagePath ||= "/dev/termination-log";
  container.terminationMessagePolicy ||= "File";
  for (const port of container.ports ?? []) port.protocol ||= "TCP";
  container.env?.forEach(defaultEnv);
  roundResources(container.resources?.limits);
  roundResources(container.resources?.requests);
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
}

/** The two names of one field: the old one is always written with the new one. */
function copyServiceAccount(spec: Loose<PodSpec>): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (name === undefined || name === "") return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

/** What a pod's spec and a template's have in common. */
export function defaultPodSpec(spec: Loose<PodSpec>): void {
  spec.dnsPolicy ||= "ClusterFirst";
  spec.restartPolicy ||= "Always";
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= graceSeconds;
  spec.schedulerName ||= "default-scheduler";
  copyServiceAccount(spec);
  spec.volumes?.forEach(defaultVolume);
  spec.initContainers?.forEach(defaultContainer);
  spec.containers?.forEach(defaultContainer);
  spec.ephemeralContainers?.forEach(defaultContainer);
  roundResources(spec.overhead);
  roundResources(spec.resources?.limits);
  roundResources(spec.resources?.requests);
}

/** Annotations that said what init containers do before there was a field for it. */
const oldAnnotations = ["init-containers", "init-container-statuses"].flatMap((name) => [
  `pod.alpha.kubernetes.io/${name}`,
  `pod.beta.kubernetes.io/${name}`,
]);

function dropOldAnnotations(metadata: Loose<ObjectMeta> | undefined): void {
  if (metadata?.annotations === undefined) return;
  const all = Object.entries(metadata.annotations);
  const kept = all.filter(([name]) => !oldAnnotations.includes(name));
  if (kept.length === all.length) return;
  if (kept.length === 0) delete metadata.annotations;
  else metadata.annotations = Object.fromEntries(kept);
}

export function defaultPodTemplate(template: Loose<PodTemplateSpec>): void {
  dropOldAnnotations(template.metadata);
  defaultPodSpec((template.spec ??= {}));
}

function requestLimits({ resources }: Loose<Container>): void {
  if (resources?.limits !== undefined) {
    resources.requests = fillResources(resources.requests, resources.limits);
  }
}

function copyHostPorts({ ports }: Loose<Container>): void {
  for (const port of ports ?? []) port.hostPort ||= port.containerPort;
}

/** The one address and the list of them: whoever says one other than the list's first means that one alone. */
function matchAddresses(status: Loose<PodStatus>): void {
  if (status.podIP && status.podIP !== status.podIPs?.[0]?.ip) status.podIPs = [{ ip: status.podIP }];
  if (status.podIPs?.[0] !== undefined) status.podIP = status.podIPs[0].ip;
}

/** Some defaults appear in pods only, never in templates. */
export function defaultPod(pod: Loose<Pod>): void {
  const spec = (pod.spec ??= {});
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  containers.forEach(requestLimits);
  defaultPodResources(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork === true) containers.forEach(copyHostPorts);
  defaultPodSpec(spec);
  // Of templates it is only warned of.
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  dropOldAnnotations(pod.metadata);
  if (pod.status !== undefined) matchAddresses(pod.status);
}
