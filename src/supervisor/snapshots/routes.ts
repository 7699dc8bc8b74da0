/** What administrators ask of a running server, beside the API on the same port. */
import { Readable } from "node:stream";
import type { Context } from "hono";
import type { ApiserverApp } from "#apiserver/http/door.ts";
import type { Front } from "#apiserver/http/front.ts";
import { badRequestError, failure, serviceUnavailableError, StatusError } from "#api/meta/status.ts";
import { SnapshotError } from "#store/snapshot/format.ts";
import { SnapshotNameError } from "./directory.ts";
import type { SnapshotService } from "./service.ts";

export const snapshotsPath = "/mini-k8s/v1/snapshots";
export const presentPath = `${snapshotsPath}/now`;

/** Every secret is in a snapshot. */
const allowedGroup = "system:masters";

type RouteContext = Context<{ Bindings: { incoming: Parameters<Front["identify"]>[0] } }>;

/** `service` is asked for late: it is made when the server is. */
export function snapshotRoutes(
  service: () => SnapshotService | undefined,
): (app: ApiserverApp, front: Front) => void {
  return (app, front) => {
    const guarded =
      (act: (service: SnapshotService, context: RouteContext) => Promise<Response>) =>
      async (context: RouteContext): Promise<Response> => {
        try {
          const { name, groups } = await front.identify(context.env.incoming);
          if (!groups.includes(allowedGroup)) {
            throw failure({
              code: 403,
              reason: "Forbidden",
              message: `snapshots are for members of ${allowedGroup}, which ${JSON.stringify(name)} isn't`,
            });
          }
          const made = service();
          if (made === undefined) throw serviceUnavailableError("the server is starting");
          return await act(made, context);
        } catch (error) {
          const { status } = statusErrorOf(error);
          return context.json(status, (status.code ?? 500) as 500);
        }
      };
    app.post(snapshotsPath, guarded(save) as never);
    app.get(presentPath, guarded(stream) as never);
  };
}

async function save(service: SnapshotService, context: RouteContext): Promise<Response> {
  const name = context.req.query("name");
  const { revision, identity: _, ...info } = await service.save(name);
  return context.json({ ...info, revision: `${revision}` }, 201);
}

async function stream(service: SnapshotService, context: RouteContext): Promise<Response> {
  const bytes = Readable.from(await service.stream());
  return context.body(Readable.toWeb(bytes) as ReadableStream, 200, {
    "content-type": "application/octet-stream",
  });
}

function statusErrorOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof SnapshotNameError) return badRequestError(error.message);
  const message = error instanceof Error ? error.message : String(error);
  const isTaken = error instanceof SnapshotError && error.fault === "exists";
  if (isTaken) return failure({ code: 409, reason: "AlreadyExists", message });
  return failure({ code: 500, reason: "InternalError", message });
}
