/** Defaults of CustomResourceDefinitions. upstream: apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go */
import type { CustomResourceDefinition } from "../generated/types/apiextensions-v1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

const servicePort = 443;

export const apiextensionsDefaults: DefaultsByKind = {
  CustomResourceDefinition: ({ spec }: Loose<CustomResourceDefinition>) => {
    if (spec === undefined) return;
    const names = (spec.names ??= {});
    const kind = names.kind ?? "";
    names.singular ||= kind.toLowerCase();
    if (kind !== "") names.listKind ||= `${kind}List`;
    spec.conversion ??= { strategy: "None" };
    const service = spec.conversion.webhook?.clientConfig?.service;
    if (service !== undefined) service.port ??= servicePort;
  },
};
