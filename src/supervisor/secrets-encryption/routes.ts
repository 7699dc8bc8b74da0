/** What an administrator asks of the keys, beside the API on the same port. */
import type { ApiserverApp } from "#apiserver/http/beside.ts";
import type { Front } from "#apiserver/http/front.ts";
import { badRequestError } from "#api/meta/status.ts";
import { guardedRoutes } from "../guarded-routes.ts";
import { readStepRequest, secretsEncryptionPath } from "./messages.ts";
import { StageError } from "./plan.ts";
import type { SecretsKeys } from "./service.ts";

/** `keys` is asked for late: it is made when the server is. */
export function secretsEncryptionRoutes(
  keys: () => SecretsKeys | undefined,
): (app: ApiserverApp, front: Front) => void {
  return (app, front) => {
    const guarded = guardedRoutes(front, {
      what: "the keys of secrets encryption",
      service: keys,
      statusOf: (error) => (error instanceof StageError ? badRequestError(error.message) : undefined),
    });
    app.get(
      secretsEncryptionPath,
      guarded(async (service, context) => context.json(await service.report())),
    );
    app.post(
      secretsEncryptionPath,
      guarded(async (service, context) => {
        const request = readStepRequest(await context.req.json().catch(() => undefined));
        if (typeof request === "string") throw badRequestError(request);
        return context.json(await service.step(request));
      }),
    );
  };
}
