/** The API server of a server: what its options and its keys make of it. */
import { readAdmissionConfiguration } from "#apiserver/admission/configuration/admission-configuration.ts";
import { apiserverKind, type Apiserver } from "#apiserver/component.ts";
import { completeOptions } from "#base/component.ts";
import { allowsEverything } from "./authorization/options.ts";
import { frontProxyName, type ServerCertificates } from "./certificates.ts";
import type { ServerOptions } from "./options.ts";
import type { ServiceAccountKeys } from "./service-accounts/keys.ts";

export interface ApiserverParts {
  readonly certificates: ServerCertificates;
  readonly accounts: ServiceAccountKeys;
  readonly address: string;
  readonly encryptionConfiguration: string | undefined;
}

export type ApiserverDeps = Parameters<typeof apiserverKind.create>[1];

export async function buildApiserver(
  options: ServerOptions,
  { certificates, accounts, address, encryptionConfiguration }: ApiserverParts,
  deps: ApiserverDeps,
): Promise<Apiserver> {
  const { from: first, to: last } = options.serviceNodePortRange;
  const full = completeOptions(apiserverKind, {
    bindAddress: options.bindAddress,
    port: options.httpsListenPort,
    advertiseAddress: address,
    hostname: options.nodeName,
    isShared: options.datastore.kind !== "sqlite",
    serviceCidrs: [options.serviceCidr],
    nodePorts: { first, last },
    ...certificates.serving,
    clientCaPem: certificates.clientCa.certificatePem,
    kubeletCaPem: certificates.serverCa.certificatePem,
    kubeletClient: certificates.kubeletClient,
    ...accounts,
    requestHeader: {
      caPem: certificates.requestHeaderCa.certificatePem,
      allowedNames: [frontProxyName],
      client: certificates.frontProxyClient,
    },
    encryptionConfiguration,
    audit: options.audit,
    authorization: options.authorization,
    admissionPlugins: options.admissionPlugins,
    tolerations: options.tolerations,
    featureGates: options.featureGates,
    admissionSettings: await readAdmissionConfiguration(options.admissionConfig),
    authenticationConfig: options.authenticationConfig,
    // Who needs no rights at all must at least say who he is, whatever was asked for.
    anonymousAuth: options.anonymousAuth !== false && !allowsEverything(options.authorization),
    isAnonymousAuthGiven: options.anonymousAuth !== undefined,
    ...options.requests,
    remembersAuthors: options.compaction.keepMs > 0,
    serviceRouting: options.disableAgent ? "endpoints" : "cluster",
  });
  return apiserverKind.create(full, deps);
}
