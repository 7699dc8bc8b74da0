/**
 * A KMS v2 plugin as a program of its own, over gRPC's own server: `node e2e/kms/plugin.ts SOCKET`. It reads what it is to
 * be from standard input, a JSON object a line ({"keyId": "two", "healthz": "sealed"}), answers each with "taken", and says
 * what it was asked: "Encrypt" a line.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { Server, ServerCredentials, type handleUnaryCall } from "@grpc/grpc-js";
import {
  decryptRequest,
  decryptResponse,
  encryptRequest,
  encryptResponse,
  statusResponse,
} from "#apiserver/encryption/kms/messages.ts";

const [, , socket = ""] = process.argv;
const state = { keyId: "one", healthz: "ok", version: "v2" };
const keyOf = (keyId: string): Buffer => createHash("sha256").update(keyId).digest();
const annotation = { key: "iv.plugin.example.com", value: Buffer.alloc(0) };

function encrypt(request: Buffer): Buffer {
  const { plaintext } = encryptRequest.decode(request);
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", keyOf(state.keyId), iv);
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const ciphertext = Buffer.concat([sealed, cipher.getAuthTag()]);
  const annotations = [{ ...annotation, value: iv }];
  return encryptResponse.encode({ ciphertext, keyId: state.keyId, annotations });
}

function decrypt(request: Buffer): Buffer {
  const { ciphertext, keyId, annotations } = decryptRequest.decode(request);
  const iv = annotations.find(({ key }) => key === annotation.key)?.value ?? Buffer.alloc(12);
  const decipher = createDecipheriv("aes-256-gcm", keyOf(keyId), iv).setAuthTag(ciphertext.subarray(-16));
  const plaintext = Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()]);
  return decryptResponse.encode({ plaintext });
}

const raw = (bytes: Buffer): Buffer => bytes;
const method = (name: string): object => ({
  path: `/v2.KeyManagementService/${name}`,
  requestStream: false,
  responseStream: false,
  requestSerialize: raw,
  requestDeserialize: raw,
  responseSerialize: raw,
  responseDeserialize: raw,
});
const answering =
  (name: string, answer: (request: Buffer) => Buffer): handleUnaryCall<Buffer, Buffer> =>
  (call, done) => {
    process.stdout.write(`${name}\n`);
    try {
      done(null, answer(call.request));
    } catch (error) {
      done(error as Error);
    }
  };

const server = new Server();
const methods = { Status: method("Status"), Encrypt: method("Encrypt"), Decrypt: method("Decrypt") };
server.addService(methods as never, {
  Status: answering("Status", () => statusResponse.encode(state)),
  Encrypt: answering("Encrypt", encrypt),
  Decrypt: answering("Decrypt", decrypt),
});
server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  process.stdout.write("listening\n");
});
createInterface({ input: process.stdin }).on("line", (line) => {
  Object.assign(state, JSON.parse(line));
  process.stdout.write("taken\n");
});
