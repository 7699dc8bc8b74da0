/**
 * Tells servers that extend the API whom this one trusts: the config map extension-apiserver-authentication.
 * upstream: pkg/controlplane/controller/clusterauthenticationtrust
 */
import { configMaps } from "#api/resources.ts";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import { allFromPem, toPem } from "#base/pem.ts";
import type { Client } from "#client/client.ts";
import { ensureObject } from "./ensure-object.ts";

const namespace = "kube-system";
export const clusterAuthenticationName = "extension-apiserver-authentication";
const frontCaKey = "requestheader-client-ca-file";

export interface ClusterAuthenticationOptions {
  readonly clientCaPem: string;
  readonly requestHeader: { readonly caPem: string; readonly allowedNames: readonly string[] };
}

/** Authorities that other servers put there stay. */
export function reconcileClusterAuthentication(
  client: Client,
  options: ClusterAuthenticationOptions,
  signal: AbortSignal,
): Promise<void> {
  const resource = client.resource(configMaps, namespace);
  return ensureObject(resource, clusterAuthenticationName, (existing) => plan(existing, options), signal);
}

function plan(
  existing: ConfigMap | undefined,
  { clientCaPem, requestHeader }: ClusterAuthenticationOptions,
): ConfigMap | undefined {
  const old = existing?.data ?? {};
  const data: Record<string, string> = {
    ...old,
    "client-ca-file": joinPem(old["client-ca-file"], clientCaPem),
  };
  data[frontCaKey] = joinPem(old[frontCaKey], requestHeader.caPem);
  data["requestheader-allowed-names"] = JSON.stringify(requestHeader.allowedNames);
  data["requestheader-username-headers"] = '["X-Remote-User"]';
  data["requestheader-uid-headers"] = '["X-Remote-Uid"]';
  data["requestheader-group-headers"] = '["X-Remote-Group"]';
  data["requestheader-extra-headers-prefix"] = '["X-Remote-Extra-"]';
  const isRight = existing !== undefined && Object.entries(data).every(([key, value]) => old[key] === value);
  return isRight
    ? undefined
    : { ...existing, metadata: { ...existing?.metadata, namespace, name: clusterAuthenticationName }, data };
}

/** Both bundles' certificates, each once. */
function joinPem(a: string | undefined, b: string): string {
  const pems = [...allFromPem("CERTIFICATE", a ?? ""), ...allFromPem("CERTIFICATE", b)].map((der) =>
    toPem("CERTIFICATE", der),
  );
  return [...new Set(pems)].join("");
}
