/** What autoscaling/v1 keeps in annotations. upstream: staging/src/k8s.io/api/autoscaling/v1/types.go, pkg/apis/autoscaling/types.go */
import { int32, listOf, mapOf, named, quantity, structOf, string, type Shape } from "../codec/json-shape.ts";

const selector = structOf("v1.LabelSelector", {
  matchLabels: mapOf(string),
  matchExpressions: listOf(
    structOf("v1.LabelSelectorRequirement", { key: string, operator: string, values: listOf(string) }),
  ),
});
const reference = structOf("v1.CrossVersionObjectReference", {
  kind: string,
  name: string,
  apiVersion: string,
});
const type = named("v1.MetricSourceType");

const ofObject = { target: reference, metricName: string, selector, averageValue: quantity };
const ofResource = { name: string, targetAverageUtilization: int32, targetAverageValue: quantity };
const ofResourceNow = { name: string, currentAverageUtilization: int32, currentAverageValue: quantity };

export const metricSpecShape: Shape = structOf("v1.MetricSpec", {
  type,
  object: structOf("v1.ObjectMetricSource", { ...ofObject, targetValue: quantity }),
  pods: structOf("v1.PodsMetricSource", { metricName: string, targetAverageValue: quantity, selector }),
  resource: structOf("v1.ResourceMetricSource", ofResource),
  containerResource: structOf("v1.ContainerResourceMetricSource", { ...ofResource, container: string }),
  external: structOf("v1.ExternalMetricSource", {
    metricName: string,
    metricSelector: selector,
    targetValue: quantity,
    targetAverageValue: quantity,
  }),
});

export const metricStatusShape: Shape = structOf("v1.MetricStatus", {
  type,
  object: structOf("v1.ObjectMetricStatus", { ...ofObject, currentValue: quantity }),
  pods: structOf("v1.PodsMetricStatus", { metricName: string, currentAverageValue: quantity, selector }),
  resource: structOf("v1.ResourceMetricStatus", ofResourceNow),
  containerResource: structOf("v1.ContainerResourceMetricStatus", { ...ofResourceNow, container: string }),
  external: structOf("v1.ExternalMetricStatus", {
    metricName: string,
    metricSelector: selector,
    currentValue: quantity,
    currentAverageValue: quantity,
  }),
});

export const conditionShape: Shape = structOf("v1.HorizontalPodAutoscalerCondition", {
  type: string,
  status: string,
  lastTransitionTime: string,
  reason: string,
  message: string,
});

const rules = structOf("autoscaling.HPAScalingRules", {
  stabilizationWindowSeconds: int32,
  selectPolicy: string,
  policies: listOf(
    structOf("autoscaling.HPAScalingPolicy", { type: string, value: int32, periodSeconds: int32 }),
  ),
  tolerance: quantity,
});

export const behaviorShape: Shape = structOf("autoscaling.HorizontalPodAutoscalerBehavior", {
  scaleUp: rules,
  scaleDown: rules,
});
