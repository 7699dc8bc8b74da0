/** Autoscalers and scales in tables. upstream: pkg/printers/internalversion/printers.go */
import type {
  HorizontalPodAutoscaler as HorizontalPodAutoscalerV1,
  Scale,
} from "../generated/types/autoscaling-v1.ts";
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from "../generated/types/autoscaling-v2.ts";
import type { Loose } from "../meta/loose.ts";
import {
  ageOf,
  amountText,
  columns,
  nameOf,
  orEmpty,
  orZero,
  type Cell,
  type Printer,
  type PrintersByKind,
} from "../meta/printer.ts";

/** So many metrics are shown, the others counted. */
const metricsMax = 2;

type Target = Loose<MetricTarget> | undefined;
type Current = Loose<MetricValueStatus> | undefined;

const amountOrUnknown = (current: Current, value: string | undefined): string =>
  current === undefined ? "<unknown>" : amountText(value);

/** Of something outside the pods: a value, or one shared among them. */
function outsideText(target: Target, current: Current): string {
  if (target?.averageValue === undefined) {
    return `${amountOrUnknown(current, current?.value)}/${amountText(target?.value)}`;
  }
  const now = current?.averageValue === undefined ? "<unknown>" : amountText(current.averageValue);
  return `${now}/${amountText(target.averageValue)} (avg)`;
}

const percent = (value: number | undefined, absent: string): string =>
  value === undefined ? absent : `${value}%`;

function resourceText(name: string, target: Target, current: Current): string {
  if (target?.averageValue !== undefined) {
    return `${name}: ${amountOrUnknown(current, current?.averageValue)}/${amountText(target.averageValue)}`;
  }
  const now = percent(current?.averageUtilization, "<unknown>");
  return `${name}: ${now}/${percent(target?.averageUtilization, "<auto>")}`;
}

type MetricTexts = Readonly<
  Record<string, (spec: Loose<MetricSpec>, status: Loose<MetricStatus> | undefined) => string>
>;

const metricTexts: MetricTexts = {
  External: (spec, status) => outsideText(spec.external?.target, status?.external?.current),
  Object: (spec, status) => outsideText(spec.object?.target, status?.object?.current),
  Pods: (spec, status) => {
    const current = status?.pods?.current;
    return `${amountOrUnknown(current, current?.averageValue)}/${amountText(spec.pods?.target?.averageValue)}`;
  },
  Resource: (spec, status) =>
    resourceText(orEmpty(spec.resource?.name), spec.resource?.target, status?.resource?.current),
  ContainerResource: (spec, status) => {
    const { name, target } = spec.containerResource ?? {};
    return resourceText(orEmpty(name), target, status?.containerResource?.current);
  },
};

const metricText = (spec: Loose<MetricSpec>, status: Loose<MetricStatus> | undefined): string =>
  metricTexts[orEmpty(spec.type)]?.(spec, status) ?? "<unknown type>";

function metricsText(
  specs: readonly Loose<MetricSpec>[] = [],
  statuses: readonly Loose<MetricStatus>[] = [],
): string {
  if (specs.length === 0) return "<none>";
  const texts = specs.map((spec, index) => metricText(spec, statuses[index]));
  const shown = texts.slice(0, metricsMax).join(", ");
  return texts.length > metricsMax ? `${shown} + ${texts.length - metricsMax} more...` : shown;
}

function autoscalerCells(autoscaler: Loose<HorizontalPodAutoscaler>, nowMs: number): readonly Cell[] {
  const { spec, status } = autoscaler;
  const target = spec?.scaleTargetRef;
  return [
    nameOf(autoscaler),
    `${orEmpty(target?.kind)}/${orEmpty(target?.name)}`,
    metricsText(spec?.metrics, status?.currentMetrics),
    spec?.minReplicas === undefined ? "<unset>" : String(spec.minReplicas),
    orZero(spec?.maxReplicas),
    orZero(status?.currentReplicas),
    ageOf(autoscaler, nowMs),
  ];
}

const cpu = (averageUtilization: number | undefined): Loose<MetricValueStatus> => ({ averageUtilization });

/** The old version knows one metric: the CPU's utilization. */
function asV2({ metadata, spec, status }: Loose<HorizontalPodAutoscalerV1>): Loose<HorizontalPodAutoscaler> {
  return {
    metadata,
    spec: {
      ...spec,
      metrics:
        spec?.targetCPUUtilizationPercentage === undefined
          ? []
          : [
              {
                type: "Resource",
                resource: { name: "cpu", target: cpu(spec.targetCPUUtilizationPercentage) },
              },
            ],
    },
    status: {
      currentReplicas: status?.currentReplicas,
      currentMetrics: [
        {
          type: "Resource",
          resource: { name: "cpu", current: cpu(status?.currentCPUUtilizationPercentage) },
        },
      ],
    },
  };
}

const autoscalerColumns = columns("Name~|Reference|Targets|MinPods|MaxPods|Replicas|Age");

const scalePrinter: Printer = {
  columns: columns("Name|Desired#|Available#|Age"),
  cells: (scale: Loose<Scale>, nowMs: number) => [
    nameOf(scale),
    scale.spec?.replicas ?? 0,
    scale.status?.replicas ?? 0,
    ageOf(scale, nowMs),
  ],
};

export const autoscalingV1Printers: PrintersByKind = {
  HorizontalPodAutoscaler: {
    columns: autoscalerColumns,
    cells: (autoscaler: Loose<HorizontalPodAutoscalerV1>, nowMs: number) =>
      autoscalerCells(asV2(autoscaler), nowMs),
  },
  Scale: scalePrinter,
};

export const autoscalingV2Printers: PrintersByKind = {
  HorizontalPodAutoscaler: { columns: autoscalerColumns, cells: autoscalerCells },
};
