/** gRPC's health service: the server as a whole serves. upstream: v3rpc/grpc.go; grpc-go's health/server.go */
import { status } from "#wire/grpc/status.ts";
import { int32, messageType, text } from "#wire/protobuf.ts";
import type { EtcdContext } from "./context.ts";
import { EtcdError } from "./errors.ts";
import { Service, type StreamOut } from "./service.ts";

const healthRequest = messageType({ service: text(1) });
const healthResponse = messageType({ status: int32(1) });
const serving = 1;
const unknown = 3;

export function healthService(context: EtcdContext): Service {
  return new Service("grpc.health.v1.Health", context)
    .unary("Check", [healthRequest, healthResponse], async ({ service }) => {
      if (service !== "") throw new EtcdError(status.notFound, "unknown service");
      return { status: serving };
    })
    .serverStream("Watch", [healthRequest, healthResponse], ({ service }, out) => watchHealth(service, out));
}

/** Until the client leaves, or the server ends. */
async function watchHealth(service: string, out: StreamOut<{ readonly status: number }>): Promise<void> {
  out.write({ status: service === "" ? serving : unknown });
  await new Promise<void>((resolve) => {
    out.signal.addEventListener(
      "abort",
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
