/** What each signer of ours signs. upstream: pkg/apis/certificates/helpers.go, pkg/controller/certificates/signer/signer.go */
import type { CertificateRequest } from "#pki/csr.ts";
import { clientSigner, kubeletClientSigner, kubeletServingSigner, legacySigner } from "./requests.ts";

type Rule = (request: CertificateRequest, usages: readonly string[]) => string | undefined;

const isSameSet = (usages: readonly string[], wanted: readonly string[]): boolean =>
  usages.length === wanted.length && wanted.every((usage) => usages.includes(usage));

/** Only keys of RSA can encipher other keys, so that usage may be left out. */
function usagesFault(usages: readonly string[], purpose: string): string | undefined {
  const all = ["digital signature", "key encipherment", purpose];
  const isFine = isSameSet(usages, all) || isSameSet(usages, ["digital signature", purpose]);
  return isFine ? undefined : `usages did not match [${all.toSorted().join(" ")}]`;
}

const isOfNodes = ({ subject }: CertificateRequest): boolean =>
  subject.organizations.length === 1 && subject.organizations[0] === "system:nodes";
const isNamedAsNode = ({ subject }: CertificateRequest): boolean =>
  subject.commonName.startsWith("system:node:");

export const kubeletClientFault: Rule = (request, usages) => {
  const { dnsNames, emailAddresses, ipAddresses, uris } = request.extensions;
  if (!isOfNodes(request)) return "subject organization is not system:nodes";
  if (dnsNames.length > 0) return "DNS subjectAltNames are not allowed";
  if (emailAddresses.length > 0) return "Email subjectAltNames are not allowed";
  if (ipAddresses.length > 0) return "IP subjectAltNames are not allowed";
  if (uris.length > 0) return "URI subjectAltNames are not allowed";
  if (!isNamedAsNode(request)) return "subject common name does not begin with system:node:";
  return usagesFault(usages, "client auth");
};

const kubeletServingFault: Rule = (request, usages) => {
  const { dnsNames, emailAddresses, ipAddresses, uris } = request.extensions;
  if (!isOfNodes(request)) return "subject organization is not system:nodes";
  if (dnsNames.length + ipAddresses.length === 0) return "DNS or IP subjectAltName is required";
  if (emailAddresses.length > 0) return "Email subjectAltNames are not allowed";
  if (uris.length > 0) return "URI subjectAltNames are not allowed";
  return (
    usagesFault(usages, "server auth") ??
    (isNamedAsNode(request) ? undefined : "subject common name does not begin with system:node:")
  );
};

const clientFault: Rule = (_request, usages) => {
  const allowed = ["digital signature", "key encipherment", "client auth"];
  const other = usages.find((usage) => !allowed.includes(usage));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  return usages.includes("client auth")
    ? undefined
    : "missing required usage for client certificate: client auth";
};

/** By signer: why a request isn't signed; undefined when it is. */
export const signerRules: Readonly<Record<string, Rule>> = {
  [clientSigner]: clientFault,
  [kubeletClientSigner]: kubeletClientFault,
  [kubeletServingSigner]: kubeletServingFault,
  [legacySigner]: () => undefined,
};
