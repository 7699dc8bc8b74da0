/** --{enable,disable}-admission-plugins: what looks at writes. upstream: apiserver/pkg/server/options/admission.go */
import {
  defaultTolerations,
  type DefaultTolerations,
} from "#apiserver/admission/plugins/default-toleration-seconds.ts";
import { selectionFaults, type PluginSelection } from "#apiserver/admission/plugin-selection.ts";
import type { OptionSpec } from "#base/options.ts";

const spec = (name: string, text: string): OptionSpec => ({
  name: `${name}-admission-plugins`,
  type: "list",
  placeholder: "NAMES",
  group: "cluster",
  text,
});

const tolerationSpec = (what: string): OptionSpec => ({
  name: `default-${what}-toleration-seconds`,
  type: "integer",
  placeholder: "SECONDS",
  group: "cluster",
  defaultText: "300",
  text: `How long pods that don't say stay on a node that is ${what}`,
});

/** The names are upstream's. */
export const admissionSpecs: readonly OptionSpec[] = [
  spec("enable", "Admission plugins that look at writes besides those of upstream's default"),
  spec("disable", "Admission plugins of upstream's default that don't"),
  {
    name: "admission-control-config-file",
    type: "string",
    placeholder: "FILE",
    group: "cluster",
    text: "AdmissionConfiguration: what plugins are told",
  },
  tolerationSpec("not-ready"),
  tolerationSpec("unreachable"),
];

interface Values {
  list(name: string): readonly string[];
  integer(name: string, fallback: number): number;
  readonly faults: string[];
}

export function readTolerations(values: Values): DefaultTolerations {
  const { notReadySeconds, unreachableSeconds } = defaultTolerations;
  return {
    notReadySeconds: values.integer("default-not-ready-toleration-seconds", notReadySeconds),
    unreachableSeconds: values.integer("default-unreachable-toleration-seconds", unreachableSeconds),
  };
}

export function readAdmission(values: Values): PluginSelection {
  const selection = {
    enable: values.list("enable-admission-plugins"),
    disable: values.list("disable-admission-plugins"),
  };
  values.faults.push(...selectionFaults(selection));
  return selection;
}
