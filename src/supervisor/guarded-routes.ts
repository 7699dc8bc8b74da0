/** Routes beside the API that are for administrators alone: who asks is told as the API tells it, refusals are a Status. */
import type { Context } from "hono";
import type { Front } from "#apiserver/http/front.ts";
import { failure, serviceUnavailableError, StatusError } from "#api/meta/status.ts";

const allowedGroup = "system:masters";

export interface GuardedService<S> {
  /** Plural, for who isn't allowed: "snapshots". */
  readonly what: string;
  /** Undefined while the server starts. */
  readonly service: () => S | undefined;
  /** Of the service's own errors; undefined for others. */
  readonly statusOf: (error: unknown) => StatusError | undefined;
}

type RouteContext = Context<{ Bindings: { exchange: Parameters<Front["identify"]>[0] } }>;

export function guardedRoutes<S>(front: Front, { what, service, statusOf }: GuardedService<S>) {
  return (act: (service: S, context: RouteContext) => Promise<Response>) =>
    (async (context: RouteContext): Promise<Response> => {
      try {
        const { name, groups } = await front.identify(context.env.exchange);
        if (!groups.includes(allowedGroup)) {
          throw failure({
            code: 403,
            reason: "Forbidden",
            message: `${what} are for members of ${allowedGroup}, which ${JSON.stringify(name)} isn't`,
          });
        }
        const made = service();
        if (made === undefined) throw serviceUnavailableError("the server is starting");
        return await act(made, context);
      } catch (error) {
        const { status } = error instanceof StatusError ? error : (statusOf(error) ?? internal(error));
        return context.json(status, (status.code ?? 500) as 500);
      }
    }) as never;
}

function internal(error: unknown): StatusError {
  const message = error instanceof Error ? error.message : String(error);
  return failure({ code: 500, reason: "InternalError", message });
}
