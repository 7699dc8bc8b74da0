/** Signs approved requests with the cluster's authorities. upstream: pkg/controller/certificates/signer/signer.go */
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import { certificateSigningRequests } from "#api/resources.ts";
import { toRfc3339 } from "#base/clock.ts";
import { loadCa, type CertificateAuthority, type KeyPair } from "#pki/ca.ts";
import { readCsr, signCsr } from "#pki/csr.ts";
import { keyUsagesOf } from "#pki/key-usages.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import {
  clientSigner,
  hasCondition,
  kubeletClientSigner,
  kubeletServingSigner,
  legacySigner,
  requestController,
  requestPem,
} from "./requests.ts";
import { signerRules } from "./signer-rules.ts";

/** upstream: --cluster-signing-duration */
const durationMaxMs = 8760 * 3600 * 1000;
const durationMinMs = 10 * 60 * 1000;
/** Of a lasting certificate the time before now counts, of a short one it doesn't. */
const backdateMs = 5 * 60 * 1000;
const shortMs = 8 * 3600 * 1000;
const dayMs = 24 * 3600 * 1000;

export function csrSigningController(context: ControllerContext): Controller {
  const { client, clock, random, options } = context;
  const authorities = options.signing;
  const loaded = new Map<KeyPair, CertificateAuthority>();
  const authorityOf = (signer: string): CertificateAuthority | undefined => {
    // As k3s gives them out.
    const pair = {
      [clientSigner]: authorities?.clientCa,
      [kubeletClientSigner]: authorities?.clientCa,
      [kubeletServingSigner]: authorities?.serverCa,
      [legacySigner]: authorities?.serverCa,
    }[signer];
    if (pair === undefined) return undefined;
    const ca = loaded.get(pair) ?? loadCa(pair, { clock, random });
    loaded.set(pair, ca);
    return ca;
  };
  return requestController(context, async (request) => {
    const isWaiting =
      hasCondition(request, "Approved") &&
      !hasCondition(request, "Denied") &&
      !hasCondition(request, "Failed");
    const ca = authorityOf(request.spec.signerName);
    if (!isWaiting || ca === undefined) return;
    await client
      .resource(certificateSigningRequests)
      .updateStatus({ ...request, status: statusOf(request, ca, toRfc3339(clock.now())) });
  });
}

function statusOf(
  request: CertificateSigningRequest,
  ca: CertificateAuthority,
  now: string,
): CertificateSigningRequest["status"] {
  const pem = requestPem(request);
  const usages = request.spec.usages ?? [];
  const fault = signerRules[request.spec.signerName]?.(readCsr(pem), usages);
  if (fault !== undefined) {
    const failed = {
      type: "Failed",
      status: "True",
      reason: "SignerValidationFailure",
      message: fault,
      lastUpdateTime: now,
      lastTransitionTime: now,
    };
    return { ...request.status, conditions: [...(request.status?.conditions ?? []), failed] };
  }
  const days = signedMs(request.spec.expirationSeconds) / dayMs;
  const certificate = signCsr(ca, pem, { usage: keyUsagesOf(usages), days });
  return { ...request.status, certificate: Buffer.from(certificate).toString("base64") };
}

/** How long from now on the certificate is good. */
export function signedMs(expirationSeconds: number | undefined): number {
  const asked = expirationSeconds === undefined ? durationMaxMs : expirationSeconds * 1000;
  const ms = Math.max(durationMinMs, Math.min(asked, durationMaxMs));
  return ms < shortMs ? ms : ms - backdateMs;
}
