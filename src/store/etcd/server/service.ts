/** Operations as gRPC methods: messages by table, errors as etcd's, one place for what all have in common. */
import {
  type MethodDefinition,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { MessageType } from "#wire/protobuf.ts";
import { noteError } from "./alarm.ts";
import type { EtcdContext } from "./context.ts";
import { asEtcdError, type EtcdError } from "./errors.ts";

/** A request, and how many bytes it was. */
interface Received<In> {
  readonly message: In;
  readonly bytes: number;
}

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
  readonly #asError: (error: unknown) => EtcdError;
  // Methods of all types; each is typed where it is added.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly #definitions: Record<string, MethodDefinition<any, any>> = {};
  readonly #handlers: UntypedServiceImplementation = {};

  constructor(name: string, context: EtcdContext, asError: (error: unknown) => EtcdError = asEtcdError) {
    this.#name = name;
    this.#asError = (error) => {
      noteError(context, error);
      return asError(error);
    };
  }

  addTo(server: Server): void {
    server.addService(this.#definitions, this.#handlers);
  }

  unary<In, Out>(
    name: string,
    types: readonly [Reader<In>, Writer<Out>],
    run: (request: In, bytes: number, signal: AbortSignal) => Promise<Out>,
  ): this {
    this.#define(name, types, { requestStream: false, responseStream: false });
    this.#handlers[name] = (
      call: ServerUnaryCall<Received<In>, Out>,
      reply: (error: { code: number; details: string } | null, response?: Out) => void,
    ): void => {
      const { message, bytes } = call.request;
      run(message, bytes, signalOf(call)).then(
        (response) => {
          reply(null, response);
        },
        (error: unknown) => {
          reply(this.#asError(error));
        },
      );
    };
    return this;
  }

  serverStream<In, Out>(
    name: string,
    types: readonly [Reader<In>, Writer<Out>],
    run: (request: In, out: StreamOut<Out>) => Promise<void>,
  ): this {
    this.#define(name, types, { requestStream: false, responseStream: true });
    this.#handlers[name] = (call: ServerWritableStream<Received<In>, Out>): void => {
      finish(call, run(call.request.message, outOf(call)), this.#asError);
    };
    return this;
  }

  duplex<In, Out>(
    name: string,
    types: readonly [Reader<In>, Writer<Out>],
    run: (stream: StreamBoth<In, Out>) => Promise<void>,
  ): this {
    this.#define(name, types, { requestStream: true, responseStream: true });
    this.#handlers[name] = (call: ServerDuplexStream<Received<In>, Out>): void => {
      finish(call, run({ ...outOf(call), requests: messagesOf(call) }), this.#asError);
    };
    return this;
  }

  #define<In, Out>(
    name: string,
    [request, response]: readonly [Reader<In>, Writer<Out>],
    streams: { readonly requestStream: boolean; readonly responseStream: boolean },
  ): void {
    this.#definitions[name] = {
      path: `/${this.#name}/${name}`,
      ...streams,
      requestSerialize: notOurs,
      responseDeserialize: notOurs,
      requestDeserialize: (bytes) => ({ message: request.decode(bytes), bytes: bytes.length }),
      responseSerialize: (message: Out) => response.encode(message),
    };
  }
}

/** A server never writes requests nor reads responses. */
function notOurs(): never {
  throw new Error("a client's side of a server's method");
}

interface Call {
  on(event: "cancelled", listener: () => void): unknown;
}

function signalOf(call: Call): AbortSignal {
  const controller = new AbortController();
  call.on("cancelled", () => {
    controller.abort();
  });
  return controller.signal;
}

function outOf<In, Out>(call: ServerWritableStream<In, Out> | ServerDuplexStream<In, Out>): StreamOut<Out> {
  const signal = signalOf(call);
  return {
    write: (message) => signal.aborted || call.write(message),
    drained: () =>
      new Promise((resolve) => {
        if (signal.aborted || !call.writableNeedDrain) {
          resolve();
          return;
        }
        const done = (): void => {
          call.off("drain", done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        call.on("drain", done);
        signal.addEventListener("abort", done, { once: true });
      }),
    signal,
  };
}

async function* messagesOf<In, Out>(
  call: ServerDuplexStream<Received<In>, Out>,
): AsyncGenerator<In, void, undefined> {
  for await (const { message } of call as AsyncIterable<Received<In>>) yield message;
}

function finish<In, Out>(
  call: ServerWritableStream<In, Out> | ServerDuplexStream<In, Out>,
  done: Promise<void>,
  asError: (error: unknown) => EtcdError,
): void {
  // A client that is gone ends the stream with an error that nobody needs.
  call.on("error", () => undefined);
  done.then(
    () => {
      call.end();
    },
    (error: unknown) => {
      if (!call.cancelled) call.emit("error", asError(error));
    },
  );
}
