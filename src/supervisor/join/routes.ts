/** The paths that agents join by, beside the API on the same port. */
import type { ApiserverApp } from "#apiserver/http/beside.ts";
import { caPath, joinPath } from "./messages.ts";
import type { JoinServer } from "./server.ts";

/** `server` is asked for late: it needs a client of the API that these routes stand beside. */
export function joinRoutes(server: () => JoinServer | undefined): (app: ApiserverApp) => void {
  return (app) => {
    for (const path of [caPath, joinPath]) {
      app.all(path, async (context) => {
        const { req: request } = context;
        const answer = await server()?.answer({
          method: request.method,
          path,
          authorization: request.header("authorization"),
          body: async () => Buffer.from(await request.arrayBuffer()),
        });
        if (answer === undefined) return context.text("starting\n", 503);
        return context.body(answer.body, answer.status as 200, { "content-type": answer.contentType });
      });
    }
  };
}
