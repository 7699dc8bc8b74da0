/** The server's side of joining: hands out the CA to anybody, certificates to who knows the token. */
import { scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { secrets } from "#api/resources.ts";
import { isAlreadyExists, isNotFound } from "#api/meta/status.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import { CsrError, signCsr } from "#pki/csr.ts";
import { kubeletClientName, type ServerCertificates } from "../certificates.ts";
import type { ServerOptions } from "../options.ts";
import type { ServerTokens } from "../tokens.ts";
import { caPath, joinPath, readJoinRequest, type JoinAnswer, type JoinRequest } from "./messages.ts";

export interface PlainRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: () => Promise<Buffer>;
}

export interface PlainAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface JoinDeps {
  readonly certificates: ServerCertificates;
  readonly tokens: ServerTokens;
  /** May read and create Secrets in kube-system. */
  readonly client: Client;
  readonly random: Random;
  readonly log: Logger;
}

const certificateDays = 365;
const bodyMaxBytes = 64 * 1024;
const nodeNamePattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const scryptAsync = promisify<string, Buffer, number, Buffer>(scrypt);

class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class JoinServer {
  readonly #options: ServerOptions;
  readonly #deps: JoinDeps;

  constructor(options: ServerOptions, deps: JoinDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async answer(request: PlainRequest): Promise<PlainAnswer> {
    if (request.path === caPath) {
      const body = this.#deps.certificates.serverCa.certificatePem;
      return { status: 200, contentType: "text/plain", body };
    }
    try {
      if (request.method !== "POST") throw new Refusal(405, `${joinPath} takes POST`);
      this.#checkToken(request.authorization);
      const joined = await this.#join(await this.#readBody(request));
      return { status: 200, contentType: "application/json", body: JSON.stringify(joined) };
    } catch (error) {
      if (!(error instanceof Refusal)) {
        this.#deps.log.error("join failed", { error });
        return { status: 500, contentType: "text/plain", body: `${errorText(error)}\n` };
      }
      this.#deps.log.warn("join refused", { reason: error.message });
      return { status: error.status, contentType: "text/plain", body: `${error.message}\n` };
    }
  }

  #checkToken(authorization: string | undefined): void {
    const [, encoded = ""] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(authorization ?? "") ?? [];
    const [user, ...rest] = Buffer.from(encoded, "base64").toString().split(":");
    const password = rest.join(":");
    const { serverPassword, agentPassword } = this.#deps.tokens;
    const isGood =
      (user === "server" && sameText(password, serverPassword)) ||
      (user === "node" && (sameText(password, agentPassword) || sameText(password, serverPassword)));
    if (!isGood) {
      throw new Refusal(401, "the token is not this cluster's: print it on the server with `mini-k8s token`");
    }
  }

  async #readBody(request: PlainRequest): Promise<JoinRequest> {
    const bytes = await request.body();
    if (bytes.length > bodyMaxBytes) {
      throw new Refusal(413, `the request has ${bytes.length} bytes, at most ${bodyMaxBytes}`);
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(bytes.toString());
    } catch {
      throw new Refusal(400, "the request is not JSON");
    }
    const read = readJoinRequest(parsed);
    if (typeof read === "string") throw new Refusal(400, read);
    if (!nodeNamePattern.test(read.nodeName) || read.nodeName.length > 253) {
      throw new Refusal(400, `the node name ${JSON.stringify(read.nodeName)} is not a DNS name`);
    }
    return read;
  }

  async #join(request: JoinRequest): Promise<JoinAnswer> {
    await checkNodePassword(request.nodeName, request.nodePassword, this.#deps);
    const { clientCa, serverCa } = this.#deps.certificates;
    const { nodeName } = request;
    const days = certificateDays;
    try {
      const answer: JoinAnswer = {
        clientCa: clientCa.certificatePem,
        kubeletClientCertificate: signCsr(clientCa, request.kubeletClientCsr, {
          commonName: `system:node:${nodeName}`,
          organizations: ["system:nodes"],
          usage: "client",
          days,
        }),
        kubeletServingCertificate: signCsr(serverCa, request.kubeletServingCsr, {
          commonName: `system:node:${nodeName}`,
          organizations: ["system:nodes"],
          dnsNames: [nodeName, "localhost"],
          ipAddresses: [request.nodeIp, "127.0.0.1"],
          usage: "server",
          days,
        }),
        proxyClientCertificate: signCsr(clientCa, request.proxyClientCsr, {
          commonName: "system:kube-proxy",
          organizations: [],
          usage: "client",
          days,
        }),
        clusterCidr: this.#options.clusterCidr,
        serviceCidr: this.#options.serviceCidr,
        clusterDns: this.#options.clusterDns,
        clusterDomain: this.#options.clusterDomain,
        kubeletClientName,
      };
      this.#deps.log.info("node joined", { node: nodeName, ip: request.nodeIp });
      return answer;
    } catch (error) {
      if (error instanceof CsrError) throw new Refusal(400, error.message);
      throw error;
    }
  }
}

/**
 * The first machine under a name leaves a hash of its password; another one can't take the name.
 * Deleting the Secret frees the name. k3s: pkg/nodepassword
 */
export async function checkNodePassword(
  nodeName: string,
  password: string,
  { client, random }: Pick<JoinDeps, "client" | "random">,
): Promise<void> {
  const name = `${nodeName}.node-password.mini-k8s`;
  const kubeSystem = client.resource(secrets, "kube-system");
  for (;;) {
    try {
      const secret = await kubeSystem.get(name);
      const kept = Buffer.from(secret.data?.["hash"] ?? "", "base64").toString();
      if (await fitsHash(password, kept)) return;
      throw new Refusal(
        403,
        `the node name ${nodeName} is taken by another machine: choose another --node-name, or delete the Secret kube-system/${name}`,
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    const hash = Buffer.from(await hashPassword(password, random.bytes(16))).toString("base64");
    try {
      await kubeSystem.create({
        metadata: { name, namespace: "kube-system" },
        type: "Opaque",
        immutable: true,
        data: { hash },
      });
      return;
    } catch (error) {
      // Somebody else came first with the same name: compare with theirs.
      if (!isAlreadyExists(error)) throw error;
    }
  }
}

async function hashPassword(password: string, salt: Buffer): Promise<string> {
  const key = await scryptAsync(password, salt, 32);
  return `$1:${salt.toString("hex")}:${key.toString("hex")}`;
}

async function fitsHash(password: string, kept: string): Promise<boolean> {
  const [kind, salt] = kept.split(":");
  return (
    kind === "$1" &&
    salt !== undefined &&
    sameText(await hashPassword(password, Buffer.from(salt, "hex")), kept)
  );
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
