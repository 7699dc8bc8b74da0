/** A KMS plugin of API v2: a gRPC server on a unix socket of this machine. upstream: apiserver/pkg/storage/value/encrypt/envelope/kmsv2/grpc_service.go */
import type { Client } from "@grpc/grpc-js";
import type { Clock } from "#base/clock.ts";
import type { Message, MessageType } from "#wire/protobuf.ts";
import type { KmsConfiguration } from "./configuration.ts";
import * as kms from "./messages.ts";

export type PluginStatus = Message<typeof kms.statusResponse>;
export type Encrypted = Message<typeof kms.encryptResponse>;

export interface ToDecrypt extends Encrypted {
  readonly uid: string;
}

export class KmsPlugin {
  readonly #configuration: KmsConfiguration;
  readonly #clock: Clock;
  #client: Promise<Client> | undefined;

  /** Connects when it is first asked something. */
  constructor(configuration: KmsConfiguration, clock: Clock) {
    this.#configuration = configuration;
    this.#clock = clock;
  }

  status(): Promise<PluginStatus> {
    return this.#call("Status", kms.statusRequest, kms.statusResponse, {});
  }

  encrypt(plaintext: Buffer, uid: string): Promise<Encrypted> {
    return this.#call("Encrypt", kms.encryptRequest, kms.encryptResponse, { plaintext, uid });
  }

  async decrypt(what: ToDecrypt): Promise<Buffer> {
    return (await this.#call("Decrypt", kms.decryptRequest, kms.decryptResponse, what)).plaintext;
  }

  async close(): Promise<void> {
    (await this.#client)?.close();
  }

  async #call<In, Out>(
    name: string,
    request: Pick<MessageType<unknown, In>, "encode">,
    response: Pick<MessageType<Out, unknown>, "decode">,
    message: In,
  ): Promise<Out> {
    const client = await (this.#client ??= this.#connect());
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/v2.KeyManagementService/${name}`,
        (given: In) => request.encode(given),
        (bytes: Buffer) => response.decode(bytes),
        message,
        { deadline: this.#clock.now() + this.#configuration.timeoutMs },
        (error, answer) => {
          if (error !== null) reject(error);
          else if (answer === undefined) reject(new Error(`${name} was answered with nothing`));
          else resolve(answer);
        },
      );
    });
  }

  /** gRPC is loaded late: few servers need it. */
  async #connect(): Promise<Client> {
    const { Client: GrpcClient, credentials } = await import("@grpc/grpc-js");
    return new GrpcClient(`unix:${this.#configuration.socket}`, credentials.createInsecure(), {
      "grpc.default_authority": "localhost",
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.min_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 1000,
    });
  }
}
