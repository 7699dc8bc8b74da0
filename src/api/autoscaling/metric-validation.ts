/** What an autoscaler scales by. upstream: pkg/apis/autoscaling/validation/validation.go (validateMetricSpec) */
import { checkContainerResourceName, readQuantity } from "../core/resource-validation.ts";
import type { MetricIdentifier, MetricSpec, MetricTarget } from "../generated/types/autoscaling-v2.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults, pathSegmentFaults } from "../meta/names.ts";
import { formatQuantity } from "../meta/quantity.ts";
import { checkReference, checkVersion, versionFault } from "./reference-rule.ts";

type Target = Loose<MetricTarget> | undefined;
type Check = (path: string) => void;

const metricTypes = ["ContainerResource", "External", "Object", "Pods", "Resource"];
const targetTypes = ["Utilization", "Value", "AverageValue"];

function checkPositive(text: string | undefined, path: string, faults: FaultList): void {
  if (text === undefined) return;
  const quantity = readQuantity(text, path, faults);
  if (quantity !== undefined && quantity.nano <= 0n) {
    faults.invalid(path, formatQuantity(quantity), "must be positive");
  }
}

function checkTarget(target: Target, path: string, faults: FaultList): void {
  const { type = "", value, averageValue, averageUtilization } = target ?? {};
  if (type === "") faults.required(`${path}.type`, "must specify a metric target type");
  if (!targetTypes.includes(type)) {
    faults.invalid(`${path}.type`, type, "must be either Utilization, Value, or AverageValue");
  }
  checkPositive(value, `${path}.value`, faults);
  checkPositive(averageValue, `${path}.averageValue`, faults);
  if (averageUtilization !== undefined && averageUtilization < 1) {
    faults.invalid(`${path}.averageUtilization`, averageUtilization, "must be greater than 0");
  }
}

function checkIdentifier(metric: Loose<MetricIdentifier> | undefined, path: string, faults: FaultList): void {
  const name = metric?.name ?? "";
  if (name === "") faults.required(`${path}.name`, "must specify a metric name");
  else faults.messages(`${path}.name`, name, pathSegmentFaults(name));
}

interface ResourceSource {
  readonly name?: string | undefined;
  readonly target?: Target;
}

function checkResourceName({ name = "" }: ResourceSource, path: string, faults: FaultList): void {
  if (name === "") faults.required(`${path}.name`, "must specify a resource name");
}

function checkResourceTarget({ target }: ResourceSource, path: string, faults: FaultList): void {
  checkTarget(target, path, faults);
  if (target?.averageUtilization === undefined && target?.averageValue === undefined) {
    faults.required(
      `${path}.averageUtilization`,
      "must set either a target raw value or a target utilization",
    );
  }
  if (target?.averageUtilization !== undefined && target.averageValue !== undefined) {
    faults.forbidden(`${path}.averageValue`, "may not set both a target raw value and a target utilization");
  }
}

function checkContainer(container: string, path: string, faults: FaultList): void {
  if (container === "") faults.required(path, "must specify a container");
  else faults.messages(path, container, dnsLabelFaults(container));
}

function checkExternalTarget(target: Target, path: string, faults: FaultList): void {
  checkTarget(target, path, faults);
  if (target?.value === undefined && target?.averageValue === undefined) {
    faults.required(`${path}.averageValue`, "must set either a target value for metric or a per-pod target");
  }
  if (target?.value !== undefined && target.averageValue !== undefined) {
    faults.forbidden(`${path}.value`, "may not set both a target value for metric and a per-pod target");
  }
}

/** In the order in which upstream looks at them; the first is looked at closely. */
function sourceChecks(
  metric: Loose<MetricSpec>,
  checksVersions: boolean,
  faults: FaultList,
): readonly (readonly [string, Check])[] {
  const { object, external, pods, resource, containerResource } = metric;
  const checks: (readonly [string, Check | undefined])[] = [
    [
      "object",
      object &&
        ((path) => {
          checkReference(object.describedObject, `${path}.describedObject`, faults);
          if (checksVersions) checkVersion(object.describedObject, `${path}.describedObject`, faults);
          checkIdentifier(object.metric, `${path}.metric`, faults);
          checkTarget(object.target, `${path}.target`, faults);
          if (object.target?.value === undefined && object.target?.averageValue === undefined) {
            faults.required(`${path}.target.averageValue`, "must set either a target value or averageValue");
          }
        }),
    ],
    [
      "external",
      external &&
        ((path) => {
          checkIdentifier(external.metric, `${path}.metric`, faults);
          checkExternalTarget(external.target, `${path}.target`, faults);
        }),
    ],
    [
      "pods",
      pods &&
        ((path) => {
          checkIdentifier(pods.metric, `${path}.metric`, faults);
          checkTarget(pods.target, `${path}.target`, faults);
          if (pods.target?.averageValue === undefined) {
            faults.required(`${path}.target.averageValue`, "must specify a positive target averageValue");
          }
        }),
    ],
    [
      "resource",
      resource &&
        ((path) => {
          checkResourceName(resource, path, faults);
          checkResourceTarget(resource, `${path}.target`, faults);
        }),
    ],
    [
      "containerResource",
      containerResource &&
        ((path) => {
          checkResourceName(containerResource, path, faults);
          const { name = "" } = containerResource;
          if (name !== "") checkContainerResourceName(name, `${path}.name`, faults);
          checkContainer(containerResource.container ?? "", `${path}.container`, faults);
          checkResourceTarget(containerResource, `${path}.target`, faults);
        }),
    ],
  ];
  return checks.flatMap(([name, check]) => (check === undefined ? [] : [[name, check] as const]));
}

const fieldOf = (type: string): string => type.charAt(0).toLowerCase() + type.slice(1);

/** An object whose version can't be read: stored once, it doesn't keep others from being stored. */
export const hasBadVersion = ({ type, object }: Loose<MetricSpec>): boolean =>
  type === "Object" && object !== undefined && versionFault(object.describedObject) !== undefined;

export function checkMetric(
  metric: Loose<MetricSpec>,
  path: string,
  checksVersions: boolean,
  faults: FaultList,
): void {
  const { type = "" } = metric;
  if (type === "") faults.required(`${path}.type`, "must specify a metric source type");
  const isKnown = metricTypes.includes(type);
  if (!isKnown) faults.notSupported(`${path}.type`, type, metricTypes);
  const checks = sourceChecks(metric, checksVersions, faults);
  const [first] = checks;
  first?.[1](`${path}.${first[0]}`);
  const expected = isKnown ? fieldOf(type) : undefined;
  if (expected === undefined) faults.notSupported(`${path}.type`, type, metricTypes);
  else if (!checks.some(([name]) => name === expected)) {
    faults.required(`${path}.${expected}`, "must populate information for the given metric source");
  }
  if (checks.length < 2) return;
  for (const [name] of checks) {
    if (name !== expected) faults.forbidden(`${path}.${name}`, "must populate the given metric source only");
  }
}
