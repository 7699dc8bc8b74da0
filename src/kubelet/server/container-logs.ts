/** GET /containerLogs. upstream: pkg/kubelet/server/server.go getContainerLogs, pkg/kubelet/kubelet_pods.go GetKubeletContainerLogs */
import type { ServerResponse } from "node:http";
import { once } from "node:events";
import type { Clock } from "#base/clock.ts";
import { parseLogQuery } from "../logs/log-query.ts";
import { readLog } from "../logs/log-reader.ts";
import { findPod, loggedContainer, RequestError, type PodPath } from "./find-container.ts";
import type { KubeletView } from "./kubelet-view.ts";
import { podUid } from "../pods/pod.ts";

/** `signal` ends what is followed, after a whole line, as the container's end would; the rest is sent as it is. */
export async function serveLogs(
  response: ServerResponse,
  target: { readonly path: PodPath; readonly container: string; readonly params: URLSearchParams },
  deps: { readonly view: KubeletView; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const parsed = parseLogQuery(target.params, deps.clock.now());
  if ("fault" in parsed) throw new RequestError(422, parsed.fault);
  const { query } = parsed;
  const { view } = deps;
  const status = await loggedContainer(view, target.path, {
    name: target.container,
    previous: query.previous,
  });
  const uid = podUid(findPod(view, target.path));
  const source = {
    path: status.logPath,
    isRunning: async () => {
      const { containers } = await view.runtimeOf(uid);
      return containers.find(({ id }) => id === status.id)?.state === "running";
    },
    onStateChange: (handle: () => void) => view.onPodChange(uid, handle),
  };
  const gone = new AbortController();
  response.once("close", () => {
    gone.abort();
  });
  response.writeHead(200, { "content-type": "text/plain" });
  response.flushHeaders();
  const ended = query.follow ? AbortSignal.any([signal, gone.signal]) : gone.signal;
  for await (const chunk of readLog(source, query, ended)) {
    if (!response.write(chunk)) await once(response, "drain", { signal: ended }).catch(() => undefined);
    if (ended.aborted) break;
  }
  response.end();
}
