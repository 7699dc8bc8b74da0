/**
 * Metrics as autoscaling/v1 writes them into annotations, and their form in autoscaling/v2.
 * upstream: pkg/apis/autoscaling/v1/conversion.go, staging/src/k8s.io/api/autoscaling/v1/types.go
 */
import type {
  CrossVersionObjectReference,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from "../generated/types/autoscaling-v2.ts";
import type { LabelSelector } from "../generated/types/meta-v1.ts";

interface ObjectMetricV1 {
  target: CrossVersionObjectReference;
  metricName: string;
  selector?: LabelSelector | undefined;
  averageValue?: string | undefined;
}

export interface MetricSpecV1 {
  type: string;
  object?: (ObjectMetricV1 & { targetValue: string }) | undefined;
  pods?: { metricName: string; targetAverageValue: string; selector?: LabelSelector | undefined } | undefined;
  resource?: ResourceSpecV1 | undefined;
  containerResource?: (ResourceSpecV1 & { container: string }) | undefined;
  external?: ExternalSpecV1 | undefined;
}

interface ResourceSpecV1 {
  name: string;
  targetAverageUtilization?: number | undefined;
  targetAverageValue?: string | undefined;
}

interface ExternalSpecV1 {
  metricName: string;
  metricSelector?: LabelSelector | undefined;
  targetValue?: string | undefined;
  targetAverageValue?: string | undefined;
}

export interface MetricStatusV1 {
  type: string;
  object?: (ObjectMetricV1 & { currentValue: string }) | undefined;
  pods?:
    | { metricName: string; currentAverageValue: string; selector?: LabelSelector | undefined }
    | undefined;
  resource?: ResourceStatusV1 | undefined;
  containerResource?: (ResourceStatusV1 & { container: string }) | undefined;
  external?: ExternalStatusV1 | undefined;
}

interface ResourceStatusV1 {
  name: string;
  currentAverageUtilization?: number | undefined;
  currentAverageValue: string;
}

interface ExternalStatusV1 {
  metricName: string;
  metricSelector?: LabelSelector | undefined;
  currentValue: string;
  currentAverageValue?: string | undefined;
}

const zero = "0";

export function metricSpecToV1({
  type,
  object,
  pods,
  resource,
  containerResource,
  external,
}: MetricSpec): MetricSpecV1 {
  return {
    type,
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      targetValue: object.target.value ?? zero,
      selector: object.metric.selector,
      averageValue: object.target.averageValue,
    },
    pods: pods && {
      metricName: pods.metric.name,
      targetAverageValue: pods.target.averageValue ?? zero,
      selector: pods.metric.selector,
    },
    resource: resource && resourceSpecToV1(resource.name, resource.target),
    containerResource: containerResource && {
      ...resourceSpecToV1(containerResource.name, containerResource.target),
      container: containerResource.container,
    },
    external: external && {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      targetValue: external.target.value,
      targetAverageValue: external.target.averageValue,
    },
  };
}

const resourceSpecToV1 = (name: string, target: MetricTarget): ResourceSpecV1 => ({
  name,
  targetAverageUtilization: target.averageUtilization,
  targetAverageValue: target.averageValue,
});

export function metricSpecFromV1({
  type,
  object,
  pods,
  resource,
  containerResource,
  external,
}: MetricSpecV1): MetricSpec {
  return {
    type,
    object: object && {
      describedObject: object.target,
      target: valueTarget(
        object.averageValue === undefined ? object.targetValue : undefined,
        object.averageValue,
      ),
      metric: { name: object.metricName, selector: object.selector },
    },
    pods: pods && {
      metric: { name: pods.metricName, selector: pods.selector },
      target: { type: "AverageValue", averageValue: pods.targetAverageValue },
    },
    resource: resource && { name: resource.name, target: resourceTarget(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      target: resourceTarget(containerResource),
      container: containerResource.container,
    },
    external: external && {
      metric: { name: external.metricName, selector: external.metricSelector },
      target: valueTarget(external.targetValue, external.targetAverageValue),
    },
  };
}

const valueTarget = (value: string | undefined, averageValue: string | undefined): MetricTarget => ({
  type: averageValue === undefined ? "Value" : "AverageValue",
  value,
  averageValue,
});

const resourceTarget = ({ targetAverageUtilization, targetAverageValue }: ResourceSpecV1): MetricTarget => ({
  type: targetAverageUtilization === undefined ? "AverageValue" : "Utilization",
  averageValue: targetAverageValue,
  averageUtilization: targetAverageUtilization,
});

export function metricStatusToV1({
  type,
  object,
  pods,
  resource,
  containerResource,
  external,
}: MetricStatus): MetricStatusV1 {
  return {
    type,
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      currentValue: object.current.value ?? zero,
      selector: object.metric.selector,
      averageValue: object.current.averageValue,
    },
    pods: pods && {
      metricName: pods.metric.name,
      currentAverageValue: pods.current.averageValue ?? zero,
      selector: pods.metric.selector,
    },
    resource: resource && resourceStatusToV1(resource.name, resource.current),
    containerResource: containerResource && {
      ...resourceStatusToV1(containerResource.name, containerResource.current),
      container: containerResource.container,
    },
    external: external && {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      currentValue: external.current.value ?? zero,
      currentAverageValue: external.current.averageValue,
    },
  };
}

const resourceStatusToV1 = (name: string, current: MetricValueStatus): ResourceStatusV1 => ({
  name,
  currentAverageUtilization: current.averageUtilization,
  currentAverageValue: current.averageValue ?? zero,
});

export function metricStatusFromV1({
  type,
  object,
  pods,
  resource,
  containerResource,
  external,
}: MetricStatusV1): MetricStatus {
  return {
    type,
    object: object && {
      metric: { name: object.metricName, selector: object.selector },
      current: { value: object.currentValue, averageValue: object.averageValue },
      describedObject: object.target,
    },
    pods: pods && {
      metric: { name: pods.metricName, selector: pods.selector },
      current: { averageValue: pods.currentAverageValue },
    },
    resource: resource && { name: resource.name, current: resourceCurrent(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      current: resourceCurrent(containerResource),
      container: containerResource.container,
    },
    external: external && {
      metric: { name: external.metricName, selector: external.metricSelector },
      current: { value: external.currentValue, averageValue: external.currentAverageValue },
    },
  };
}

const resourceCurrent = ({
  currentAverageUtilization,
  currentAverageValue,
}: ResourceStatusV1): MetricValueStatus => ({
  averageValue: currentAverageValue,
  averageUtilization: currentAverageUtilization,
});
