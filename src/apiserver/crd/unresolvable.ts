/**
 * Definitions whose names are accepted, but whose objects can't be served: nobody could be asked to convert them.
 * upstream: apiextensions-apiserver/pkg/apiserver/customresource_handler.go (getOrCreateServingInfoFor), apiserver/pkg/util/webhook/client.go, client-go/rest/url_utils.go
 */
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import { caBundleFault } from "#api/apiextensions/ca-bundle.ts";
import { parseUrl, UrlFault } from "#api/meta/go-url.ts";
import { internalError } from "#api/meta/status.ts";
import { joinHostPort } from "#apiserver/connect/go-errors.ts";
import type { RoutedResource } from "#apiserver/registry/routes.ts";
import { resourceDefinition } from "./served-definition.ts";

/** Why there can be no client of its webhook; undefined when there can, or needn't be one. */
export function conversionFault({ spec }: CustomResourceDefinition): string | undefined {
  const { strategy, webhook } = spec.conversion ?? {};
  if (strategy !== "Webhook" || webhook?.clientConfig === undefined) return undefined;
  const { service, caBundle = "" } = webhook.clientConfig;
  if (service !== undefined) {
    const { name, namespace, port = 443 } = service;
    const host = `https://${joinHostPort(`${name}.${namespace}.svc`, port)}`;
    if (parseUrl(host) instanceof UrlFault) {
      return `host must be a URL or a host:port pair: ${JSON.stringify(host)}`;
    }
  }
  return caBundle === "" ? undefined : caBundleFault(caBundle);
}

/** Whatever is asked of them. */
export const unresolvable = (crd: CustomResourceDefinition): readonly RoutedResource[] =>
  crd.spec.versions
    .filter(({ served }) => served)
    .map((version) => ({
      definition: resourceDefinition(crd, version),
      verbs: {},
      subresources: new Map(),
      refusal: () => internalError("error resolving resource"),
    }));
