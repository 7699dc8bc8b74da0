/** Pods and container statuses, from short texts. */
import type { ContainerState, ContainerStatus, Pod } from "#api/generated/types/core-v1.ts";

export const running: ContainerState = { running: {} };
export const waiting: ContainerState = { waiting: { reason: "ContainerCreating" } };
export const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode } });
export const statusOf = (
  name: string,
  state: ContainerState,
  more: Partial<ContainerStatus> = {},
): ContainerStatus => ({
  name,
  state,
  lastState: {},
  ready: state.running !== undefined,
  started: state.running !== undefined,
  restartCount: 0,
  image: "",
  imageID: "",
  ...more,
});
/** "main:running init:0 sidecar:waiting": an exit code means that it ended. */
export function statuses(text: string): ContainerStatus[] {
  return text
    .split(" ")
    .filter(Boolean)
    .map((part) => {
      const [name = "", what = ""] = part.split(":");
      if (what === "running") return statusOf(name, running);
      if (what === "starting") return statusOf(name, running, { started: false });
      if (what === "waiting") return statusOf(name, waiting);
      if (what.startsWith("again")) {
        return statusOf(name, waiting, { lastState: ended(Number(what.slice(5))) });
      }
      return statusOf(name, ended(Number(what)));
    });
}
export const podOf = (restartPolicy: string, main: string, init = ""): Pod => ({
  metadata: { name: "web", namespace: "shop", uid: "u-1", generation: 3 },
  spec: {
    restartPolicy,
    containers: main.split(" ").map((name) => ({ name, image: "app:1" })),
    initContainers: init
      .split(" ")
      .filter(Boolean)
      .map((name) => ({
        name,
        image: "app:1",
        ...(name.startsWith("side") ? { restartPolicy: "Always" } : {}),
      })),
  },
});
