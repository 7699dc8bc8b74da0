/**
 * Makes sure that a container's image is there, by its pull policy, with back-off and the events users know.
 * upstream: pkg/kubelet/images/image_manager.go
 */
import type { Container, Pod, Secret } from "#api/generated/types/core-v1.ts";
import { untilAborted } from "./until-aborted.ts";
import type { Clock } from "#base/clock.ts";
import { errorText } from "#base/log.ts";
import type { ImageAuth, ImageInfo, Runtime } from "../runtime/runtime.ts";
import { elapsedText, type BackoffTable } from "./backoff-table.ts";
import type { PodEvents } from "./events.ts";
import { parseImageName, type ImageName } from "./image-name.ts";
import { podUid } from "./pod.ts";
import { credentialsFor } from "./pull-secrets.ts";
import { StartError } from "./start-error.ts";

export interface ImagePolicyDeps {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly backoff: BackoffTable;
  readonly events: PodEvents;
  /** Of the kubelet: a pull goes on when the pod that asked first goes away, others may wait for it. */
  readonly lifetime: AbortSignal;
}

export interface ImageRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly secrets: readonly Secret[];
}

/** How long a failed pull is told as such, before it becomes a wait. */
const saidMs = 1000;

export interface PresentImage {
  readonly id: string;
  /** Its digest in a registry where it has one, else its id. */
  readonly reference: string;
  /** The user it names; "" for none. */
  readonly user: string;
}

const presentImage = ({ id, digests, user }: ImageInfo): PresentImage => ({
  id,
  reference: digests[0] ?? id,
  user,
});

export class ImagePolicy {
  readonly #deps: ImagePolicyDeps;
  /** Pulls under way by image and credentials: two pods that need one image wait for one pull. */
  readonly #pulls = new Map<string, Promise<string>>();
  readonly #lastErrors = new Map<string, string>();

  constructor(deps: ImagePolicyDeps) {
    this.#deps = deps;
  }

  /** Resolves with what to create the container from; fails with a StartError. */
  async ensure(request: ImageRequest, signal: AbortSignal): Promise<PresentImage> {
    const { pod, container } = request;
    const text = container.image ?? "";
    const name = parseImageName(text);
    if (name === undefined) {
      const message = `Failed to apply default image tag "${text}": couldn't parse image name "${text}": invalid reference format`;
      this.#warn(request, "InspectFailed", message);
      throw new StartError("InvalidImageName", message);
    }
    const present = await this.#inspect(request, name);
    const policy = container.imagePullPolicy ?? (name.full.endsWith(":latest") ? "Always" : "IfNotPresent");
    if (present !== undefined && policy !== "Always") {
      const message = `Container image "${text}" already present on machine and can be accessed by the pod`;
      this.#deps.events.record(pod, { type: "Normal", reason: "Pulled", message, container: container.name });
      return presentImage(present);
    }
    if (policy === "Never") {
      const message = `Container image "${text}" is not present with pull policy of Never`;
      this.#warn(request, "ErrImageNeverPull", message);
      throw new StartError("ErrImageNeverPull", message);
    }
    return this.#pull(request, name, signal);
  }

  forget(pod: Pod): void {
    const prefix = `${podUid(pod)}_`;
    this.#deps.backoff.forget(prefix);
    for (const key of this.#lastErrors.keys()) if (key.startsWith(prefix)) this.#lastErrors.delete(key);
  }

  async #inspect(request: ImageRequest, name: ImageName): Promise<ImageInfo | undefined> {
    try {
      return await this.#deps.runtime.imageStatus(name.full);
    } catch (error) {
      const message = `Failed to inspect image "${request.container.image ?? ""}": ${errorText(error)}`;
      this.#warn(request, "InspectFailed", message);
      throw new StartError("ImageInspectError", message);
    }
  }

  async #pull(request: ImageRequest, name: ImageName, signal: AbortSignal): Promise<PresentImage> {
    const { pod, container, secrets } = request;
    const { backoff, clock, events } = this.#deps;
    const text = container.image ?? "";
    const key = `${podUid(pod)}_${text}`;
    const remainingMs = backoff.remainingSinceLastMs(key);
    if (remainingMs > 0) {
      const message = `Back-off pulling image "${text}"`;
      events.record(pod, { type: "Normal", reason: "BackOff", message, container: container.name });
      const last = this.#lastErrors.get(key);
      const full = last === undefined ? message : `${message}: ErrImagePull: ${last}`;
      throw new StartError("ImagePullBackOff", full, { retryMs: remainingMs });
    }
    events.record(pod, {
      type: "Normal",
      reason: "Pulling",
      message: `Pulling image "${text}"`,
      container: container.name,
    });
    const startedAt = clock.monotonic();
    try {
      const id = await this.#pullOnce(name, credentialsFor(name, secrets), signal);
      const ms = clock.monotonic() - startedAt;
      const info = await this.#deps.runtime.imageStatus(id);
      this.#reportPulled(request, info?.sizeBytes ?? 0, ms);
      this.#lastErrors.delete(key);
      return info === undefined ? { id, reference: id, user: "" } : presentImage(info);
    } catch (error) {
      signal.throwIfAborted();
      const why = errorText(error);
      this.#warn(request, "Failed", `Failed to pull image "${text}": ${why}`);
      backoff.next(key, clock.now());
      this.#lastErrors.set(key, why);
      throw new StartError("ErrImagePull", why, { retryMs: saidMs, cause: error });
    }
  }

  #reportPulled({ pod, container }: ImageRequest, size: number, ms: number): void {
    const took = elapsedText(ms);
    const message = `Successfully pulled image "${container.image ?? ""}" in ${took} (${took} including waiting). Image size: ${size} bytes.`;
    this.#deps.events.record(pod, { type: "Normal", reason: "Pulled", message, container: container.name });
  }

  /** Tries each credential; the last error counts. */
  async #pullOnce(name: ImageName, auths: readonly ImageAuth[], signal: AbortSignal): Promise<string> {
    const tries: readonly (ImageAuth | undefined)[] = auths.length === 0 ? [undefined] : auths;
    let failure: unknown;
    for (const auth of tries) {
      const key = `${name.full} ${auth?.username ?? ""} ${auth?.password ?? ""}`;
      let pull = this.#pulls.get(key);
      if (pull === undefined) {
        pull = this.#deps.runtime.pullImage(name.full, auth, this.#deps.lifetime).finally(() => {
          this.#pulls.delete(key);
        });
        this.#pulls.set(key, pull);
      }
      try {
        return await untilAborted(pull, signal);
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
      }
    }
    throw failure instanceof Error ? failure : new Error(String(failure));
  }

  #warn({ pod, container }: ImageRequest, reason: string, message: string): void {
    this.#deps.events.record(pod, { type: "Warning", reason, message, container: container.name });
  }
}
