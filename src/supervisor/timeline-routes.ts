/** How far back the API can be read, and which revision belongs to which time: beside the API, for whoever may ask it. */
import type { ApiserverApp } from "#apiserver/http/beside.ts";
import type { Front } from "#apiserver/http/front.ts";
import { anonymous } from "#apiserver/authn/authenticator.ts";
import { internalError, StatusError, unauthorizedError } from "#api/meta/status.ts";
import type { Timeline } from "#store/history/timeline.ts";
import type { Store } from "#store/store.ts";

const path = "/mini-k8s/v1/timeline";

export interface TimelineSource {
  readonly store: Store;
  readonly timeline: Timeline;
}

export function timelineRoutes({
  store,
  timeline,
}: TimelineSource): (app: ApiserverApp, front: Front) => void {
  return (app, front) => {
    app.get(path, async (context) => {
      try {
        const { name } = await front.identify(context.env.exchange);
        if (name === anonymous.name) throw unauthorizedError();
      } catch (error) {
        const { status } = error instanceof StatusError ? error : internalError("who asks can't be told");
        return context.json(status, (status.code ?? 500) as 500);
      }
      return context.json({
        oldest: String(store.compactRevision),
        newest: String(store.revision),
        marks: timeline.marks.map(({ revision, time }) => [String(revision), time]),
      });
    });
  };
}
