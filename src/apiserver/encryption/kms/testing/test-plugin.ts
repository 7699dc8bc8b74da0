/** A KMS plugin for tests: what it encrypts is encrypted with a key per ID, and it says what the test wants. */
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { systemClock } from "#base/clock.ts";
import { GrpcServer } from "#wire/grpc/server.ts";
import { GrpcError, status } from "#wire/grpc/status.ts";
import {
  decryptRequest,
  decryptResponse,
  encryptRequest,
  encryptResponse,
  statusResponse,
} from "../messages.ts";

const service = "v2.KeyManagementService";
const annotations = [{ key: "test.example.com/kind", value: Buffer.from("plain") }];
const secretOf = (keyId: string): Buffer => createHash("sha256").update(keyId).digest();
/** Every text is encrypted once: there is no need for another vector. */
const vector = Buffer.alloc(16);

export class TestKmsPlugin implements AsyncDisposable {
  keyId = "one";
  healthz = "ok";
  version = "v2";
  isRefusing = false;
  readonly asked: string[] = [];
  readonly #server = new GrpcServer({
    clock: systemClock,
    messageBytesMax: 1 << 20,
    http: (_, response) => {
      response.end();
    },
  });

  static async start(socket: string): Promise<TestKmsPlugin> {
    const plugin = new TestKmsPlugin();
    plugin.#add("Status", () => {
      const { version, healthz, keyId } = plugin;
      return statusResponse.encode({ version, healthz, keyId });
    });
    plugin.#add("Encrypt", (request) => {
      const { plaintext } = encryptRequest.decode(request);
      const cipher = createCipheriv("aes-256-cbc", secretOf(plugin.keyId), vector);
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return encryptResponse.encode({ ciphertext, keyId: plugin.keyId, annotations });
    });
    plugin.#add("Decrypt", (request) => {
      const {
        ciphertext,
        keyId,
        annotations: [first],
      } = decryptRequest.decode(request);
      if (first?.value.toString() !== "plain") throw new GrpcError(status.invalidArgument, "no annotation");
      const cipher = createDecipheriv("aes-256-cbc", secretOf(keyId), vector);
      return decryptResponse.encode({
        plaintext: Buffer.concat([cipher.update(ciphertext), cipher.final()]),
      });
    });
    await plugin.#server.listen({ path: socket });
    return plugin;
  }

  #add(name: string, answer: (request: Buffer) => Buffer): void {
    this.#server.add(service, name, {
      kind: "unary",
      run: async (request) => {
        this.asked.push(name);
        if (this.isRefusing) throw new GrpcError(status.unavailable, "not now");
        return answer(request);
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }
}
