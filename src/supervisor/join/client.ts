/** The agent's side of joining: fetch the CA, check it against the token, get certificates, keep them. */
import { request, type RequestOptions } from "node:https";
import { readTextIfExists, writeFileAtomic } from "#base/files.ts";
import type { Random } from "#base/random.ts";
import { createCsr } from "#pki/csr.ts";
import { checkCaHash, parseJoinToken, type JoinToken } from "#pki/join-token.ts";
import type { KeyPair } from "#pki/ca.ts";
import type { AgentPaths } from "../paths.ts";
import { caPath, joinPath, readJoinAnswer, type JoinAnswer, type JoinRequest } from "./messages.ts";

export class JoinError extends Error {
  override readonly name = "JoinError";
  readonly code = "JOIN_REFUSED";
  /** False: trying again can't help. */
  readonly mayRetry: boolean;
  constructor(message: string, mayRetry: boolean, options?: ErrorOptions) {
    super(message, options);
    this.mayRetry = mayRetry;
  }
}

export interface JoinInput {
  readonly server: string;
  readonly token: string;
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly paths: AgentPaths;
}

export interface Joined {
  readonly serverCa: string;
  readonly answer: JoinAnswer;
  readonly kubeletClient: KeyPair;
  readonly kubeletServing: KeyPair;
  readonly proxyClient: KeyPair;
}

const timeoutMs = 15_000;
const answerMaxBytes = 1024 * 1024;

export async function joinCluster(input: JoinInput, random: Random, signal: AbortSignal): Promise<Joined> {
  const token = parseJoinToken(input.token, "node");
  const serverCa = await fetchCa(input.server, token, signal);
  const nodePassword = await loadNodePassword(input.paths.nodePassword, random);
  const organizations = ["system:nodes"];
  const kubeletClient = createCsr({ commonName: `system:node:${input.nodeName}`, organizations });
  const kubeletServing = createCsr({ commonName: `system:node:${input.nodeName}`, organizations });
  const proxyClient = createCsr({ commonName: "system:kube-proxy" });
  const body: JoinRequest = {
    nodeName: input.nodeName,
    nodeIp: input.nodeIp,
    nodePassword,
    kubeletClientCsr: kubeletClient.csrPem,
    kubeletServingCsr: kubeletServing.csrPem,
    proxyClientCsr: proxyClient.csrPem,
  };
  const answer = await postJoin(input.server, { token, serverCa, body }, signal);
  await writeFileAtomic(input.paths.serverCa, serverCa, 0o644);
  await writeFileAtomic(input.paths.clientCa, answer.clientCa, 0o644);
  return {
    serverCa,
    answer,
    kubeletClient: { certificatePem: answer.kubeletClientCertificate, keyPem: kubeletClient.keyPem },
    kubeletServing: { certificatePem: answer.kubeletServingCertificate, keyPem: kubeletServing.keyPem },
    proxyClient: { certificatePem: answer.proxyClientCertificate, keyPem: proxyClient.keyPem },
  };
}

/** The certificate can't be verified before it is known: the token's hash does that, before any secret is sent. */
async function fetchCa(server: string, token: JoinToken, signal: AbortSignal): Promise<string> {
  const answer = await send(new URL(caPath, server), { rejectUnauthorized: false, signal });
  if (answer.status !== 200 || !answer.body.includes("BEGIN CERTIFICATE")) {
    throw new JoinError(`${server}${caPath} answered ${answer.status}: is this a mini-k8s server?`, false);
  }
  checkCaHash(token, answer.body);
  return answer.body;
}

async function postJoin(
  server: string,
  {
    token,
    serverCa,
    body,
  }: { readonly token: JoinToken; readonly serverCa: string; readonly body: JoinRequest },
  signal: AbortSignal,
): Promise<JoinAnswer> {
  const credentials = Buffer.from(`${token.user}:${token.password}`).toString("base64");
  const answer = await send(
    new URL(joinPath, server),
    {
      method: "POST",
      ca: serverCa,
      headers: { authorization: `Basic ${credentials}`, "content-type": "application/json" },
      signal,
    },
    JSON.stringify(body),
  );
  if (answer.status !== 200) {
    throw new JoinError(`${server} refuses: ${answer.body.trim()}`, answer.status >= 500);
  }
  const read = readJoinAnswer(JSON.parse(answer.body));
  if (typeof read === "string") throw new JoinError(`${server}: ${read}`, false);
  return read;
}

/** Made once: whoever has it is this machine. */
export async function loadNodePassword(path: string, random: Random): Promise<string> {
  const kept = await readTextIfExists(path);
  if (kept !== undefined && kept.trim() !== "") return kept.trim();
  const password = random.bytes(16).toString("hex");
  await writeFileAtomic(path, `${password}\n`, 0o600);
  return password;
}

interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

function send(url: URL, options: RequestOptions, body?: string): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const call = request(url, { ...options, agent: false, timeout: timeoutMs }, (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > answerMaxBytes) call.destroy(new Error(`the answer has more than ${answerMaxBytes} bytes`));
      else chunks.push(chunk);
    });
    response.once("end", () => {
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
    });
    response.once("error", reject);
  });
  call.once("timeout", () => {
    call.destroy(new Error(`no answer within ${timeoutMs} ms`));
  });
  call.once("error", (cause) => {
    reject(new JoinError(`${url.origin} can't be reached`, true, { cause }));
  });
  call.end(body);
  return promise;
}
