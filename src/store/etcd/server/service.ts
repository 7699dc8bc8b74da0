/** Operations as gRPC methods: messages by table, errors as etcd's, one place for what all have in common. */
import type { GrpcServer, GrpcStream } from "#wire/grpc/server.ts";
import { GrpcError, status } from "#wire/grpc/status.ts";
import type { MessageType } from "#wire/protobuf.ts";
import { noteError } from "./alarm.ts";
import type { EtcdContext } from "./context.ts";
import { asEtcdError, type EtcdError } from "./errors.ts";

type Reader<In> = Pick<MessageType<In, never>, "decode">;
type Writer<Out> = Pick<MessageType<unknown, Out>, "encode">;

export interface StreamOut<Out> {
  /** False: wait for `drained` before more. */
  readonly write: (message: Out) => boolean;
  readonly drained: () => Promise<void>;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

export interface StreamBoth<In, Out> extends StreamOut<Out> {
  readonly requests: AsyncIterable<In>;
}

/** The methods of one service, such as "etcdserverpb.KV". */
export class Service {
  readonly #name: string;
  readonly #context: EtcdContext;
  readonly #asError: (error: unknown) => EtcdError;
  readonly #adders: ((server: GrpcServer) => void)[] = [];

  constructor(name: string, context: EtcdContext, asError: (error: unknown) => EtcdError = asEtcdError) {
    this.#name = name;
    this.#context = context;
    this.#asError = asError;
  }

  addTo(server: GrpcServer): void {
    for (const add of this.#adders) add(server);
  }

  /** `run` also gets the size of the request in bytes. */
  unary<In, Out>(
    name: string,
    [request, response]: readonly [Reader<In>, Writer<Out>],
    run: (request: In, bytes: number) => Promise<Out>,
  ): this {
    return this.#unary(name, async (bytes) =>
      response.encode(await run(request.decode(bytes), bytes.length)),
    );
  }

  /** What may wait for others, and so has to know when its client is gone. */
  waiting<In, Out>(
    name: string,
    [request, response]: readonly [Reader<In>, Writer<Out>],
    run: (request: In, signal: AbortSignal) => Promise<Out>,
  ): this {
    return this.#unary(name, async (bytes, call) =>
      response.encode(await run(request.decode(bytes), call.signal)),
    );
  }

  serverStream<In, Out>(
    name: string,
    types: readonly [Reader<In>, Writer<Out>],
    run: (request: In, out: StreamOut<Out>) => Promise<void>,
  ): this {
    return this.duplex(name, types, async ({ requests, ...out }) => {
      for await (const request of requests) {
        await run(request, out);
        return;
      }
      throw new GrpcError(status.internal, "a call without a request");
    });
  }

  duplex<In, Out>(
    name: string,
    [request, response]: readonly [Reader<In>, Writer<Out>],
    run: (stream: StreamBoth<In, Out>) => Promise<void>,
  ): this {
    this.#adders.push((server) => {
      server.add(this.#name, name, {
        kind: "stream",
        run: async (stream) => {
          try {
            await run({
              requests: decoded(stream, request),
              write: (message) => stream.write(response.encode(message)),
              drained: () => stream.drained(),
              signal: stream.signal,
            });
          } catch (error) {
            throw this.#errorOf(error);
          }
        },
      });
    });
    return this;
  }

  #unary(
    name: string,
    run: (bytes: Buffer, call: { readonly signal: AbortSignal }) => Promise<Buffer>,
  ): this {
    this.#adders.push((server) => {
      server.add(this.#name, name, {
        kind: "unary",
        run: async (bytes, call) => {
          try {
            return await run(bytes, call);
          } catch (error) {
            throw this.#errorOf(error);
          }
        },
      });
    });
    return this;
  }

  #errorOf(error: unknown): EtcdError {
    noteError(this.#context, error);
    return this.#asError(error);
  }
}

async function* decoded<In>(
  { messages }: GrpcStream,
  { decode }: Reader<In>,
): AsyncGenerator<In, void, undefined> {
  for await (const message of messages) yield decode(message);
}
