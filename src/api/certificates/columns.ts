/** Signing requests, trust bundles and pods' requests in tables. upstream: pkg/printers/internalversion/printers.go */
import type { CertificateSigningRequest } from "../generated/types/certificates-v1.ts";
import type { ClusterTrustBundle, PodCertificateRequest } from "../generated/types/certificates-v1beta1.ts";
import { humanDuration } from "../meta/duration.ts";
import type { Loose } from "../meta/loose.ts";
import { ageOf, columns, nameOf, orNone, type Cell, type PrintersByKind } from "../meta/printer.ts";

function conditionText({ status }: Loose<CertificateSigningRequest>): string {
  const has = (type: string): boolean =>
    status?.conditions?.some((condition) => condition.type === type) === true;
  const decision = has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending";
  const failed = has("Failed") ? ",Failed" : "";
  const issued = status?.certificate === undefined || status.certificate === "" ? "" : ",Issued";
  return `${decision}${failed}${issued}`;
}

function requestCells(request: Loose<CertificateSigningRequest>, nowMs: number): readonly Cell[] {
  const { spec } = request;
  const seconds = spec?.expirationSeconds;
  return [
    nameOf(request),
    ageOf(request, nowMs),
    orNone(spec?.signerName),
    spec?.username ?? "",
    seconds === undefined ? "<none>" : humanDuration(seconds * 1000),
    conditionText(request),
  ];
}

export const certificatesPrinters: PrintersByKind = {
  CertificateSigningRequest: {
    columns: columns("Name~|Age|SignerName|Requestor|RequestedDuration|Condition"),
    cells: requestCells,
  },
};

const outcomes = ["Denied", "Failed", "Issued"];

function podRequestCells(request: Loose<PodCertificateRequest>): readonly Cell[] {
  const { podName = "", serviceAccountName = "", nodeName = "", signerName = "" } = request.spec ?? {};
  const outcome = request.status?.conditions?.find(({ type = "" }) => outcomes.includes(type))?.type;
  return [nameOf(request), podName, serviceAccountName, nodeName, signerName, outcome ?? "Pending"];
}

export const trustPrinters: PrintersByKind = {
  ClusterTrustBundle: {
    columns: columns("Name~|SignerName"),
    cells: (bundle: Loose<ClusterTrustBundle>) => [nameOf(bundle), orNone(bundle.spec?.signerName)],
  },
  PodCertificateRequest: {
    columns: columns("Name~|PodName|ServiceAccountName|NodeName|SignerName|State"),
    cells: podRequestCells,
  },
};
