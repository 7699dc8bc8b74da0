/** Who may talk to the kubelet. upstream: pkg/kubelet/server/auth.go (there by webhook; here by the certificate's names) */
import type { TLSSocket } from "node:tls";

export interface ClientPolicy {
  /** Users, by the common name of their certificate. */
  readonly users: readonly string[];
  /** Groups, by its organizations. */
  readonly groups: readonly string[];
}

export type ClientVerdict = "allowed" | "unauthenticated" | "forbidden";

const names = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === "string" ? [value] : value;

export function verdictOn(socket: TLSSocket, policy: ClientPolicy): ClientVerdict {
  if (!socket.authorized) return "unauthenticated";
  const { subject } = socket.getPeerCertificate() as unknown as {
    readonly subject?: Readonly<Record<string, string | readonly string[] | undefined>>;
  };
  const isKnown =
    names(subject?.["CN"]).some((name) => policy.users.includes(name)) ||
    names(subject?.["O"]).some((name) => policy.groups.includes(name));
  return isKnown ? "allowed" : "forbidden";
}
