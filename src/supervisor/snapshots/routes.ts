/** What administrators ask of a running server, beside the API on the same port. Every secret is in a snapshot. */
import { Readable } from "node:stream";
import type { ApiserverApp } from "#apiserver/http/beside.ts";
import type { Front } from "#apiserver/http/front.ts";
import { badRequestError, failure, type StatusError } from "#api/meta/status.ts";
import { SnapshotError } from "#store/snapshot/format.ts";
import { guardedRoutes } from "../guarded-routes.ts";
import { SnapshotNameError } from "./directory.ts";
import type { SnapshotService } from "./service.ts";

export const snapshotsPath = "/mini-k8s/v1/snapshots";
export const presentPath = `${snapshotsPath}/now`;

/** `service` is asked for late: it is made when the server is. */
export function snapshotRoutes(
  service: () => SnapshotService | undefined,
): (app: ApiserverApp, front: Front) => void {
  return (app, front) => {
    const guarded = guardedRoutes(front, { what: "snapshots", service, statusOf });
    app.post(
      snapshotsPath,
      guarded(async (snapshots, context) => {
        const { revision, identity: _, ...info } = await snapshots.save(context.req.query("name"));
        return context.json({ ...info, revision: `${revision}` }, 201);
      }),
    );
    app.get(
      presentPath,
      guarded(async (snapshots, context) => {
        const bytes = Readable.from(await snapshots.stream());
        return context.body(Readable.toWeb(bytes) as ReadableStream, 200, {
          "content-type": "application/octet-stream",
        });
      }),
    );
  };
}

function statusOf(error: unknown): StatusError | undefined {
  if (error instanceof SnapshotNameError) return badRequestError(error.message);
  const isTaken = error instanceof SnapshotError && error.fault === "exists";
  return isTaken ? failure({ code: 409, reason: "AlreadyExists", message: error.message }) : undefined;
}
