/** Calls of an etcd server, ours or a real one, as they are on the wire. For tests. */
import { Client, type ClientDuplexStream, type ClientReadableStream, credentials } from "@grpc/grpc-js";
import type { MessageType } from "#wire/protobuf.ts";

type Types<In, Out> = readonly [
  Pick<MessageType<unknown, In>, "encode">,
  Pick<MessageType<Out, never>, "decode">,
];

/** What the server sends, one after the other. */
export interface Incoming<Out> {
  /** Rejects when the stream ends or breaks. */
  readonly next: () => Promise<Out>;
  readonly cancel: () => void;
}

export interface Both<In, Out> extends Incoming<Out> {
  readonly write: (message: In) => void;
}

export class EtcdCalls {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
    });
  }

  close(): void {
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** `method` with its service: "etcdserverpb.KV/Put". Rejects with gRPC's ServiceError. */
  unary<In, Out>(
    method: string,
    [request, response]: Types<In, Out>,
    message: In,
    signal?: AbortSignal,
  ): Promise<Out> {
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        `/${method}`,
        (given: In) => request.encode(given),
        (bytes: Buffer) => response.decode(bytes),
        message,
        (error, answer) => {
          if (error !== null) reject(error);
          else if (answer === undefined) reject(new Error(`${method} was answered with nothing`));
          else resolve(answer);
        },
      );
      signal?.addEventListener("abort", () => {
        call.cancel();
      });
    });
  }

  serverStream<In, Out>(method: string, [request, response]: Types<In, Out>, message: In): Incoming<Out> {
    const call = this.#client.makeServerStreamRequest(
      `/${method}`,
      (given: In) => request.encode(given),
      (bytes: Buffer) => response.decode(bytes),
      message,
    );
    return incoming(call);
  }

  duplex<In, Out>(method: string, [request, response]: Types<In, Out>): Both<In, Out> {
    const call = this.#client.makeBidiStreamRequest(
      `/${method}`,
      (given: In) => request.encode(given),
      (bytes: Buffer) => response.decode(bytes),
    );
    return { ...incoming(call), write: (message) => call.write(message) };
  }
}

function incoming<In, Out>(call: ClientReadableStream<Out> | ClientDuplexStream<In, Out>): Incoming<Out> {
  // Cancelled ones end with an error, too.
  call.on("error", () => undefined);
  const messages = (call as AsyncIterable<Out>)[Symbol.asyncIterator]() as AsyncIterator<Out, void>;
  return {
    next: async () => {
      const result = await messages.next();
      if (result.done === true) throw new Error("the stream has ended");
      return result.value;
    },
    cancel: () => {
      call.cancel();
    },
  };
}
