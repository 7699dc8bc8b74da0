/** What ended containers left to be read. upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go getTerminationMessage */
import type { PodRuntime } from "../pleg/pod-runtime.ts";
import { readContainerNotes } from "./labels.ts";
import type { PodHost } from "./pod-host.ts";

const fileBytesMax = 4096;
const logBytesMax = 2048;
const logLinesMax = 80;

/** By container id; a container is read once, after it ended. */
export class TerminationMessages {
  readonly #host: PodHost;
  readonly #messages = new Map<string, string>();

  constructor(host: PodHost) {
    this.#host = host;
  }

  get byId(): ReadonlyMap<string, string> {
    return this.#messages;
  }

  async collect(runtime: PodRuntime): Promise<void> {
    for (const status of runtime.containers) {
      if (status.state !== "exited" || this.#messages.has(status.id)) continue;
      const { messageHostPath, messagePolicy } = readContainerNotes(status);
      let message =
        messageHostPath === "" ? "" : await this.#host.terminationMessage(messageHostPath, fileBytesMax);
      if (message === "" && messagePolicy === "FallbackToLogsOnError" && status.exitCode !== 0) {
        message = await this.#host.logTail(status.logPath, logLinesMax, logBytesMax);
      }
      this.#messages.set(status.id, message === "" ? status.message : message);
    }
    const known = new Set(runtime.containers.map(({ id }) => id));
    for (const id of this.#messages.keys()) if (!known.has(id)) this.#messages.delete(id);
  }
}
