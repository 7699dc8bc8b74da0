/** What an agent and a server say to each other when joining. */

export const caPath = "/cacerts";
export const joinPath = "/v1-mini-k8s/join";

export interface JoinRequest {
  readonly nodeName: string;
  /** Made by the agent once; a later join under this name must bring it again. */
  readonly nodePassword: string;
  readonly nodeIp: string;
  /** PEM requests: as a client of the API for kubelet and proxy, and for what the kubelet serves. */
  readonly kubeletClientCsr: string;
  readonly kubeletServingCsr: string;
  readonly proxyClientCsr: string;
}

export interface JoinAnswer {
  readonly clientCa: string;
  readonly kubeletClientCertificate: string;
  readonly kubeletServingCertificate: string;
  readonly proxyClientCertificate: string;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
  /** Names the API server's client certificate that the kubelet lets in. */
  readonly kubeletClientName: string;
}

export function readJoinRequest(body: unknown): JoinRequest | string {
  const fields = asRecord(body);
  if (fields === undefined) return "the request must be a JSON object";
  const missing = requestFields.filter((name) => typeof fields[name] !== "string" || fields[name] === "");
  return missing.length > 0 ? `the request lacks ${missing.join(", ")}` : (fields as unknown as JoinRequest);
}

const requestFields = [
  "nodeName",
  "nodePassword",
  "nodeIp",
  "kubeletClientCsr",
  "kubeletServingCsr",
  "proxyClientCsr",
] as const;

const answerFields = [
  "clientCa",
  "kubeletClientCertificate",
  "kubeletServingCertificate",
  "proxyClientCertificate",
  "clusterCidr",
  "serviceCidr",
  "clusterDns",
  "clusterDomain",
  "kubeletClientName",
] as const;

export function readJoinAnswer(body: unknown): JoinAnswer | string {
  const fields = asRecord(body);
  if (fields === undefined) return "the answer is no JSON object";
  const missing = answerFields.filter((name) => typeof fields[name] !== "string");
  return missing.length > 0 ? `the answer lacks ${missing.join(", ")}` : (fields as unknown as JoinAnswer);
}

function asRecord(body: unknown): Record<string, unknown> | undefined {
  return typeof body === "object" && body !== null && !Array.isArray(body)
    ? (body as Record<string, unknown>)
    : undefined;
}
