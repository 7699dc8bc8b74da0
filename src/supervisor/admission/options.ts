/** --{enable,disable}-admission-plugins: what looks at writes. upstream: apiserver/pkg/server/options/admission.go */
import { selectionFaults, type PluginSelection } from "#apiserver/admission/plugin-selection.ts";
import type { OptionSpec } from "#base/options.ts";

const spec = (name: string, text: string): OptionSpec => ({
  name: `${name}-admission-plugins`,
  type: "list",
  placeholder: "NAMES",
  group: "cluster",
  text,
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
    text: "AdmissionConfiguration: what PodSecurity, EventRateLimit and ResourceQuota are told",
  },
];

interface Values {
  list(name: string): readonly string[];
  readonly faults: string[];
}

export function readAdmission(values: Values): PluginSelection {
  const selection = {
    enable: values.list("enable-admission-plugins"),
    disable: values.list("disable-admission-plugins"),
  };
  values.faults.push(...selectionFaults(selection));
  return selection;
}
