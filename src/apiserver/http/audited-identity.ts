/** Who sends a request, told to the audit log whatever comes of the question. upstream: apiserver/pkg/server/config.go (DefaultBuildHandlerChain) */
import type { AuditRecord, Auditor } from "#apiserver/audit/auditor.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import { headerOf, sourceAddresses, type RequestHead } from "./exchange.ts";
import type { Identification, Identified } from "./identification.ts";
import { statusErrorOf } from "./refuse.ts";

export interface Asked {
  readonly auditId: string;
  readonly head: RequestHead;
  readonly info: RequestInfo;
}

interface Audited extends Identified {
  /** Undefined: nothing is told of this request. */
  readonly record: AuditRecord | undefined;
}

/** Throws 401, and 403 for who may not impersonate; both have been told then. */
export async function identifyAudited(
  { auditId, head, info }: Asked,
  identification: Identification,
  auditor: Auditor | undefined,
): Promise<Audited> {
  if (auditor === undefined) return { ...(await identification.identify(head)), record: undefined };
  const userAgent = headerOf(head, "user-agent");
  const request = { auditId, info, uri: head.url, sourceIps: sourceAddresses(head), userAgent };
  const sender = await identification.sender(head).catch(async (error: unknown) => {
    await auditor.unknown(request, statusErrorOf(error).status);
    throw error;
  });
  const record = await auditor.begin(request, sender);
  try {
    const impersonated = await identification.impersonated(head, sender);
    if (impersonated !== undefined) record?.actsAs(impersonated);
    return { sender, impersonated, record };
  } catch (error) {
    const { status } = statusErrorOf(error);
    await record?.complete(status.code ?? 500, status);
    throw error;
  }
}
