/** Failures of a connection in the words in which Go tells them: messages of upstream quote them. */
import { isIP } from "node:net";
import { datesText, unknownAuthorityText, type Peer } from "./peer-verdict.ts";

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

const datesFaults = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);

/** The other side just closed the connection. */
const closedTexts = /^(socket hang up|Client network socket disconnected before secure TLS connection)/;

/** upstream: Go's crypto/tls/alert.go */
const alertTexts: Readonly<Record<string, string>> = {
  10: "unexpected message",
  20: "bad record MAC",
  22: "record overflow",
  40: "handshake failure",
  42: "bad certificate",
  43: "unsupported certificate",
  44: "revoked certificate",
  45: "expired certificate",
  46: "unknown certificate",
  47: "illegal parameter",
  48: "unknown certificate authority",
  49: "access denied",
  50: "error decoding message",
  51: "error decrypting message",
  70: "protocol version not supported",
  71: "insufficient security level",
  80: "internal error",
  86: "inappropriate fallback",
  90: "user canceled",
  109: "missing extension",
  110: "unsupported extension",
  112: "unrecognized name",
  116: "certificate required",
  120: "no application protocol",
};

const x509 = (text: string): string => `tls: failed to verify certificate: x509: ${text}`;

export const joinHostPort = (host: string, port: number): string =>
  isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;

/** What is known of a connection that failed. */
export interface Dialed {
  /** Who showed a certificate. */
  readonly peer: Peer;
  /** Those that it had to come from; undefined: this machine's. */
  readonly caPem: string | undefined;
  readonly nowMs: number;
}

/** `serverName`: whom the certificate had to name. `dialed`: makes out what is wrong with it. */
export function goErrorText(error: unknown, serverName: string, now: string, dialed?: Dialed): string {
  if (!(error instanceof Error)) return String(error);
  return (
    connectionText(error) ??
    judged(error, serverName, dialed) ??
    certificateText(error, serverName, now) ??
    error.message
  );
}

function connectionText(error: NodeError): string | undefined {
  const { code = "", message, address = "", port = 0, hostname = "" } = error;
  const system = systemTexts[code];
  if (system !== undefined) return `dial tcp ${joinHostPort(address, port)}: connect: ${system}`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${hostname}: no such host`;
  if (code === "ECONNRESET") return closedTexts.test(message) ? "EOF" : "connection reset by peer";
  const alert = /SSL alert number (\d+)/.exec(message)?.[1];
  if (alert !== undefined) return `remote error: tls: ${alertTexts[alert] ?? `alert(${alert})`}`;
  return code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER"
    ? "http: server gave HTTP response to HTTPS client"
    : undefined;
}

/** In Go's order: its dates, its names, where it comes from. */
function judged(
  { code = "" }: NodeError,
  serverName: string,
  dialed: Dialed | undefined,
): string | undefined {
  if (dialed === undefined || !(unknownAuthority.has(code) || datesFaults.has(code))) return undefined;
  const { peer, caPem, nowMs } = dialed;
  const { certificate } = peer;
  const isNamed =
    isIP(serverName) === 0
      ? certificate.checkHost(serverName, { subject: "never" })
      : certificate.checkIP(serverName);
  return x509(
    datesText(certificate, nowMs) ??
      (isNamed === undefined
        ? wrongNameText(certificate.subjectAltName ?? "", serverName)
        : unknownAuthorityText(peer, caPem, nowMs)),
  );
}

/** The other side isn't whom it should be. */
export const isCertificateError = (error: unknown): boolean =>
  error instanceof Error && certificateText(error, "", "") !== undefined;

function certificateText(error: NodeError, serverName: string, now: string): string | undefined {
  const { code = "", cert } = error;
  if (unknownAuthority.has(code)) return x509("certificate signed by unknown authority");
  if (datesFaults.has(code)) {
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

/** What is made of a status of 300 and above without a Status in the body. upstream: apimachinery/pkg/api/errors NewGenericServerResponse */
export function statusText(code: number, body: string): string {
  if (code === 403 || code === 415) return body;
  if (code === 406 && body !== "" && body !== "unknown") return body;
  const known = statusTexts[code];
  if (known !== undefined) return known;
  return code >= 500
    ? `an error on the server (${JSON.stringify(body)}) has prevented the request from succeeding`
    : `the server responded with the status code ${code} but did not return more information`;
}

const statusTexts: Readonly<Record<number, string>> = {
  400: "the server rejected our request for an unknown reason",
  401: "the server has asked for the client to provide credentials",
  404: "the server could not find the requested resource",
  405: "the server does not allow this method on the requested resource",
  406: "the server was unable to respond with a content type that the client supports",
  409: "the server reported a conflict",
  422: "the server rejected our request due to an error in our request",
  429: "the server has received too many requests and has asked us to try again later",
  503: "the server is currently unable to handle the request",
  504: "the server was unable to return a response in the time allotted, but may still be processing the request",
};
