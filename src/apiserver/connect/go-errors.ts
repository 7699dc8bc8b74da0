/** Failures of a connection in the words in which Go tells them: messages of upstream quote them. */
import { isIP } from "node:net";

interface NodeError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly cert?: { readonly subjectaltname?: string };
}

/** What the kernel says, as Go's syscall package words it. */
const systemTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ETIMEDOUT: "connection timed out",
};

const unknownAuthority = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
]);

const x509 = (text: string): string => `tls: failed to verify certificate: x509: ${text}`;

export const joinHostPort = (host: string, port: number): string =>
  isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;

/** `serverName`: whom the certificate had to name. */
export function goErrorText(error: unknown, serverName: string, now: string): string {
  if (!(error instanceof Error)) return String(error);
  const { code = "", address = "", port = 0, hostname = "" } = error as NodeError;
  const system = systemTexts[code];
  if (system !== undefined) return `dial tcp ${joinHostPort(address, port)}: connect: ${system}`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${hostname}: no such host`;
  if (code === "ECONNRESET") return error.message === "socket hang up" ? "EOF" : "connection reset by peer";
  if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return "http: server gave HTTP response to HTTPS client";
  }
  return certificateText(error, serverName, now) ?? error.message;
}

/** The other side isn't whom it should be. */
export const isCertificateError = (error: unknown): boolean =>
  error instanceof Error && certificateText(error, "", "") !== undefined;

function certificateText(error: NodeError, serverName: string, now: string): string | undefined {
  const { code = "", cert } = error;
  if (unknownAuthority.has(code)) return x509("certificate signed by unknown authority");
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return x509(`certificate has expired or is not yet valid: current time ${now}`);
  }
  return code === "ERR_TLS_CERT_ALTNAME_INVALID"
    ? x509(wrongNameText(cert?.subjectaltname ?? "", serverName))
    : undefined;
}

/** upstream: Go's crypto/x509 HostnameError */
function wrongNameText(altNames: string, serverName: string): string {
  const names = (kind: string): string[] =>
    altNames
      .split(", ")
      .filter((each) => each.startsWith(`${kind}:`))
      .map((each) => each.slice(kind.length + 1));
  const isAddress = isIP(serverName) !== 0;
  const own = names(isAddress ? "IP Address" : "DNS");
  if (altNames === "") return "certificate relies on legacy Common Name field, use SANs instead";
  if (own.length > 0) return `certificate is valid for ${own.join(", ")}, not ${serverName}`;
  return isAddress
    ? `cannot validate certificate for ${serverName} because it doesn't contain any IP SANs`
    : `certificate is not valid for any names, but wanted to match ${serverName}`;
}

/** What client-go makes of a status of 300 and above without a Status in the body. upstream: apimachinery/pkg/api/errors NewGenericServerResponse */
export function statusText(code: number, body: string): string {
  const known = statusTexts[code];
  if (known !== undefined) return known;
  if (code === 403) return body;
  return code >= 500
    ? `an error on the server (${JSON.stringify(body)}) has prevented the request from succeeding`
    : `the server responded with the status code ${code} but did not return more information`;
}

const statusTexts: Readonly<Record<number, string>> = {
  400: "the server rejected our request for an unknown reason",
  401: "the server has asked for the client to provide credentials",
  404: "the server could not find the requested resource",
  405: "the server does not allow this method on the requested resource",
  409: "the server reported a conflict",
  422: "the server rejected our request due to an error in our request",
  429: "the server has received too many requests and has asked us to try again later",
  503: "the server is currently unable to handle the request",
  504: "the server was unable to return a response in the time allotted, but may still be processing the request",
};
