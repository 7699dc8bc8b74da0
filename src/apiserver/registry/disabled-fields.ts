/**
 * Fields whose feature is off in 1.35 (and, where --runtime-config says, here): nobody can begin to use one, and what uses it already may go on.
 * upstream: pkg/features/kube_features.go (what is off), pkg/api/pod/util.go, pkg/api/resourceclaimspec,
 * pkg/registry/<group>/<resource>/strategy.go (dropDisabledFields)
 */
import type { AnyObject } from "#api/meta/object.ts";
import { noFeatures, type ServedFeatures } from "#apiserver/served-features.ts";

type Fields = Readonly<Record<string, unknown>>;

interface Step {
  readonly name: string;
  readonly into: "one" | "list" | "map";
  readonly goesWhenEmpty: boolean;
}

type Path = readonly Step[];

/** "containers[]" goes into each of a list, "capacity{}" into each of a map; "lifecycle?" goes itself when it is left empty. */
function stepOf(text: string): Step {
  const name = text.replace(/(?:\[\]|\{\}|\?)$/, "");
  const end = text.slice(name.length);
  return { name, into: end === "[]" ? "list" : end === "{}" ? "map" : "one", goesWhenEmpty: end === "?" };
}

/** Fields of one feature: one of them in a stored object is enough for all of them to stay. */
interface Feature {
  readonly paths: readonly Path[];
  /** Where this is served, they are fields like others. */
  readonly goesUnless?: keyof ServedFeatures;
  readonly goesEvenIfUsed: boolean;
}

const of = (...paths: readonly string[]): Feature => ({
  paths: paths.map((path) => path.split(".").map(stepOf)),
  goesEvenIfUsed: false,
});

const containerLists = ["containers", "initContainers", "ephemeralContainers"];
const statusLists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];

const ofPodSpec = (at: string): readonly Feature[] => [
  // ClusterTrustBundleProjection, PodCertificateRequest, GenericWorkload, ContainerStopSignals
  { ...of(`${at}.volumes[].projected.sources[].clusterTrustBundle`), goesUnless: "trustBundles" },
  { ...of(`${at}.volumes[].projected.sources[].podCertificate`), goesUnless: "podCertificates" },
  of(`${at}.workloadRef`),
  of(...containerLists.map((list) => `${at}.${list}[].lifecycle?.stopSignal`)),
];

const ofPodStatus: readonly Feature[] = [
  // InPlacePodLevelResourcesVerticalScaling, DRAExtendedResource, ResourceHealthStatus
  of("status.resources", "status.allocatedResources"),
  of("status.extendedResourceClaimStatus"),
  { ...of(...statusLists.map((list) => `status.${list}[].allocatedResourcesStatus`)), goesEvenIfUsed: true },
];

const ofClaimSpec = (at: string, ...capacityElsewhere: readonly string[]): readonly Feature[] => [
  // DRADeviceTaints, DRAConsumableCapacity
  of(`${at}.devices.requests[].exactly.tolerations`, `${at}.devices.requests[].firstAvailable[].tolerations`),
  of(
    `${at}.devices.constraints[].distinctAttribute`,
    `${at}.devices.requests[].exactly.capacity`,
    `${at}.devices.requests[].firstAvailable[].capacity`,
    ...capacityElsewhere,
  ),
];

const results = "status.allocation.devices.results[]";
const template = ofPodSpec("spec.template.spec");

const features: Readonly<Record<string, readonly Feature[]>> = {
  // DynamicKubeletConfig is gone, NodeDeclaredFeatures is off.
  nodes: [of("spec.configSource"), of("status.config"), of("status.declaredFeatures")],
  pods: [...ofPodSpec("spec"), ...ofPodStatus],
  podtemplates: ofPodSpec("template.spec"),
  replicationcontrollers: template,
  "daemonsets.apps": template,
  "deployments.apps": template,
  "replicasets.apps": template,
  "statefulsets.apps": template,
  "jobs.batch": template,
  "cronjobs.batch": ofPodSpec("spec.jobTemplate.spec.template.spec"),
  // CoordinatedLeaderElection
  "leases.coordination.k8s.io": [of("spec.strategy"), of("spec.preferredHolder")],
  // CRDObservedGenerationTracking
  "customresourcedefinitions.apiextensions.k8s.io": [
    of("status.observedGeneration", "status.conditions[].observedGeneration"),
  ],
  // DRAExtendedResource
  "deviceclasses.resource.k8s.io": [of("spec.extendedResourceName")],
  "resourceclaims.resource.k8s.io": [
    ...ofClaimSpec("spec", `${results}.shareID`, `${results}.consumedCapacity`, "status.devices[].shareID"),
    // DRADeviceBindingConditions
    of(`${results}.bindingConditions`, `${results}.bindingFailureConditions`),
  ],
  "resourceclaimtemplates.resource.k8s.io": ofClaimSpec("spec.spec"),
  "resourceslices.resource.k8s.io": [
    // DRADeviceTaints, DRAPartitionableDevices, DRADeviceBindingConditions, DRAConsumableCapacity
    of("spec.devices[].taints"),
    of(
      "spec.sharedCounters",
      "spec.perDeviceNodeSelection",
      ...["consumesCounters", "nodeName", "nodeSelector", "allNodes"].map((name) => `spec.devices[].${name}`),
    ),
    of(
      ...["bindsToNode", "bindingConditions", "bindingFailureConditions"].map(
        (name) => `spec.devices[].${name}`,
      ),
    ),
    of("spec.devices[].allowMultipleAllocations", "spec.devices[].capacity{}.requestPolicy"),
  ],
};

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

const isThere = (value: unknown): boolean =>
  value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);

function isUsed(value: unknown, path: Path, at = 0): boolean {
  const step = path[at];
  if (step === undefined) return isThere(value);
  const held = isFields(value) ? value[step.name] : undefined;
  if (held === undefined) return false;
  if (step.into === "one" || !isFields(held)) return isUsed(held, path, at + 1);
  const items: readonly unknown[] = Array.isArray(held) ? held : Object.values(held);
  return items.some((item) => isUsed(item, path, at + 1));
}

/** `value` without what is at `path`: parts that change are copied, as others may share them. */
function without(value: unknown, path: Path, at = 0): unknown {
  const step = path[at];
  if (step === undefined || !isFields(value)) return value;
  const { [step.name]: held, ...rest } = value;
  if (at === path.length - 1) return rest;
  const left = withoutInner(held, path, at);
  const isEmptied = step.goesWhenEmpty && isFields(left) && Object.keys(left).length === 0;
  return held === undefined || isEmptied ? rest : { ...value, [step.name]: left };
}

function withoutInner(held: unknown, path: Path, at: number): unknown {
  const into = path[at]?.into;
  if (into === "list" && Array.isArray(held)) return held.map((item) => without(item, path, at + 1));
  if (into !== "map" || !isFields(held)) return without(held, path, at + 1);
  return Object.fromEntries(Object.entries(held).map(([key, item]) => [key, without(item, path, at + 1)]));
}

/** Takes out of a new object (`old` is undefined) or a changed one what it may not have. `name` is "pods" or "deployments.apps". */
export function dropDisabledFields(
  name: string,
  object: AnyObject,
  old: AnyObject | undefined,
  served: ServedFeatures = noFeatures,
): void {
  for (const { paths, goesEvenIfUsed, goesUnless } of features[name] ?? []) {
    if (goesUnless !== undefined && served[goesUnless]) continue;
    if (!goesEvenIfUsed && old !== undefined && paths.some((path) => isUsed(old, path))) continue;
    for (const path of paths) {
      if (isUsed(object, path)) Object.assign(object, without(object, path));
    }
  }
}
