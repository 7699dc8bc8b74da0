/** Makes and deletes the pods of a controller, and tells in events. upstream: pkg/controller/controller_utils.go RealPodControl */
import type { Pod, PodTemplateSpec } from "#api/generated/types/core-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import { pods } from "#api/resources.ts";
import { errorText } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import type { EventRecorder } from "#client/events/recorder.ts";
import { ownerReference, type Owner } from "./ownership.ts";

export interface PodControlDeps {
  readonly client: Client;
  readonly events: EventRecorder;
}

/** "name-" and 5 random characters; names that would be no DNS label lose the dash as upstream's do. */
const namePrefix = (owner: string): string =>
  /^[a-z0-9]([a-z0-9-]*)$/.test(`${owner}-`) ? `${owner}-` : owner;

export function podFromTemplate(template: PodTemplateSpec, owner: Owner): Pod {
  return {
    metadata: {
      namespace: owner.namespace,
      generateName: namePrefix(owner.name),
      labels: { ...template.metadata?.labels },
      annotations: { ...template.metadata?.annotations },
      finalizers: [...(template.metadata?.finalizers ?? [])],
      ownerReferences: [ownerReference(owner)],
    },
    ...(template.spec === undefined ? {} : { spec: structuredClone(template.spec) }),
  };
}

export class PodControl {
  readonly #deps: PodControlDeps;

  constructor(deps: PodControlDeps) {
    this.#deps = deps;
  }

  async create(template: PodTemplateSpec, owner: Owner, object: KubeObject): Promise<Pod> {
    const { client, events } = this.#deps;
    try {
      const pod = await client.resource(pods, owner.namespace).create(podFromTemplate(template, owner));
      events.event(object, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata?.name ?? ""}`);
      return pod;
    } catch (error) {
      events.event(object, "Warning", "FailedCreate", `Error creating: ${errorText(error)}`);
      throw error;
    }
  }

  /** A pod that is gone already counts as deleted. */
  async delete(pod: Pod, object: KubeObject): Promise<void> {
    const { client, events } = this.#deps;
    const name = pod.metadata?.name ?? "";
    const preconditions = { uid: pod.metadata?.uid };
    try {
      await client.resource(pods, pod.metadata?.namespace ?? "").delete(name, { preconditions });
      events.event(object, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
    } catch (error) {
      if (isNotFound(error)) throw error;
      events.event(object, "Warning", "FailedDelete", `Error deleting: ${errorText(error)}`);
      throw error;
    }
  }
}
