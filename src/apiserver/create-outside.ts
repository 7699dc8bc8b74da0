/** The documents of a server, beside its resources (outside.ts), of what they are made. */
import type { Completed } from "#base/component.ts";
import type { Logger } from "#base/log.ts";
import type { VerificationKey } from "#pki/jwt.ts";
import { apiDocuments, type ApiDocumentsDeps } from "./api-documents.ts";
import { discoveryFault } from "./authn/service-account/discovery.ts";
import { joinHostPort } from "./connect/go-errors.ts";
import { isGateOn } from "./metrics/feature-metrics.ts";
import { HealthMetrics } from "./health-metrics.ts";
import type { HealthCheck } from "./health.ts";
import type { ApiserverOptions } from "./options.ts";
import { outside, type OutsideDeps } from "./outside.ts";
import type { Answer, ApiCall } from "./request/call.ts";

export interface CreateOutsideDeps extends ApiDocumentsDeps, Pick<OutsideDeps, "flowDump"> {
  readonly log: Logger;
  /** That tokens of service accounts are judged by. */
  readonly accountKeys: readonly VerificationKey[];
  readonly checks: () => readonly HealthCheck[];
}

/** Answers undefined for a path that isn't there. */
export function createOutside(
  {
    serviceAccounts,
    externalHostname,
    advertiseAddress,
    port,
    featureGates,
  }: Pick<
    Completed<ApiserverOptions>,
    "serviceAccounts" | "externalHostname" | "advertiseAddress" | "port" | "featureGates"
  >,
  deps: CreateOutsideDeps,
): (call: ApiCall) => Promise<Answer | undefined> {
  const { log, version, registry, flowDump } = deps;
  const [issuer = ""] = serviceAccounts.issuers;
  const fault = discoveryFault(issuer);
  if (fault !== undefined) log.warn("nobody can find the issuer of tokens", { reason: fault });
  const external = joinHostPort(externalHostname ?? advertiseAddress, port);
  const { discovery, openapi } = apiDocuments(
    { serverAddress: external, hasStorageHashes: isGateOn(featureGates, "StorageVersionHash") },
    deps,
  );
  const health = new HealthMetrics();
  const shared = {
    version,
    discovery,
    metrics: registry,
    healthMetrics: health.registry,
    onResult: (root: string, name: string, isHealthy: boolean) => {
      health.observe(root, name, isHealthy);
    },
    openapi: (request: ApiCall) => openapi.answer(request),
    flowDump,
    tokenDiscovery: {
      issuer,
      jwksUri: serviceAccounts.jwksUri ?? `https://${external}/openid/v1/jwks`,
      keys: deps.accountKeys,
    },
    onFailure: (check: string, reason: string) => {
      log.warn("health check failed", { check, reason });
    },
  };
  return (call) => outside(call, { ...shared, checks: deps.checks() });
}
