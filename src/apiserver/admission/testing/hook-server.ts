/** A webhook over TLS, for tests: certificates of its own, and an answer that the test makes up. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type {
  AdmissionRequest,
  AdmissionResponse,
  AdmissionReview,
} from "#api/generated/types/admission-v1.ts";
import { systemClock } from "#base/clock.ts";
import { parseExact } from "#base/exact-json.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";

/** Gives the answer, or takes over the response and answers nothing. */
export type HookAnswer = (
  request: AdmissionRequest,
  response: ServerResponse,
) => Partial<AdmissionResponse> | undefined;

export interface HookServer extends AsyncDisposable {
  readonly port: number;
  /** Base64 of PEM, as configurations have it. */
  readonly caBundle: string;
  /** Its own. */
  readonly certificatePem: string;
  /** What came, in order, by path. */
  readonly requests: readonly (AdmissionRequest & { readonly path: string })[];
  /** How many connections were made. */
  readonly connections: number;
}

export interface HookServerOptions {
  /** Its certificate is for these. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Default: this machine alone. */
  readonly host?: string;
}

/** `answers`: by path. */
export async function startHookServer(
  answers: Readonly<Record<string, HookAnswer>>,
  { dnsNames = [], ipAddresses = ["127.0.0.1"], host = "127.0.0.1" }: HookServerOptions = {},
): Promise<HookServer> {
  const deps = { clock: systemClock, random: systemRandom };
  const ca = createCa({ commonName: "webhook-ca", days: 1, ...deps });
  const { certificatePem, keyPem } = issueCertificate(ca, {
    commonName: "webhook",
    usage: "server",
    days: 1,
    dnsNames,
    ipAddresses,
  });
  const requests: (AdmissionRequest & { path: string })[] = [];
  let connections = 0;
  const server = createServer({ cert: certificatePem, key: keyPem }, (incoming, response) => {
    void answer(incoming, response);
  });
  server.on("secureConnection", () => {
    connections += 1;
  });
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const review = parseExact(Buffer.concat(chunks).toString("utf8")) as AdmissionReview;
    const path = incoming.url?.split("?")[0] ?? "";
    const { request } = review;
    if (request === undefined) throw new Error("a review without a request");
    requests.push({ ...request, path });
    const said = answers[path]?.(request, response);
    if (said === undefined) return;
    response.setHeader("content-type", "application/json");
    const own = { uid: request.uid, allowed: true, ...said };
    response.end(JSON.stringify({ kind: review.kind, apiVersion: review.apiVersion, response: own }));
  };
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    caBundle: Buffer.from(ca.certificatePem, "utf8").toString("base64"),
    certificatePem,
    requests,
    get connections() {
      return connections;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** A JSON patch as answers carry it. */
export const patchOf = (
  ...operations: readonly object[]
): Pick<AdmissionResponse, "patch" | "patchType"> => ({
  patch: Buffer.from(JSON.stringify(operations), "utf8").toString("base64"),
  patchType: "JSONPatch",
});
