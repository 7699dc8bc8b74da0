/** Admission attributes for tests of single plugins. */
import type { AnyObject, KubeObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";

export interface Write {
  readonly operation?: AdmissionAttributes["operation"];
  readonly subresource?: string;
  readonly object?: KubeObject | undefined;
  readonly oldObject?: KubeObject;
  readonly user?: AdmissionAttributes["user"];
  readonly name?: string;
  readonly namespace?: string;
  readonly dryRun?: boolean;
  /** Takes the warnings. */
  readonly warn?: (text: string) => void;
  readonly annotate?: (key: string, text: string) => void;
  readonly signal?: AbortSignal;
}

/** What a write to `ref` brings; name and namespace are taken from the object unless given. */
export function attributesOf(ref: ResourceRef, write: Write): AdmissionAttributes {
  const metadata = (write.object ?? write.oldObject)?.metadata;
  return {
    operation: write.operation ?? "CREATE",
    gvk: ref,
    gvr: ref,
    subresource: write.subresource ?? "",
    namespace: write.namespace ?? metadata?.namespace ?? "",
    name: write.name ?? metadata?.name ?? "",
    object: write.object as AnyObject | undefined,
    oldObject: write.oldObject as AnyObject | undefined,
    options: {},
    dryRun: write.dryRun ?? false,
    user: write.user ?? { name: "alice", groups: [] },
    warn: write.warn ?? (() => undefined),
    annotate: write.annotate ?? (() => undefined),
    signal: write.signal,
  };
}

/** Both halves of a plugin, as the chain calls them. */
export async function run(plugin: AdmissionPlugin, attributes: AdmissionAttributes): Promise<void> {
  if (!plugin.handles(attributes.operation)) return;
  await plugin.admit?.(attributes, { isSecond: false, notes: new Map(), askForSecond: () => undefined });
  await plugin.validate?.(attributes);
}

/** What a plugin has against it; undefined when it lets it pass. */
export async function faultOf(
  plugin: AdmissionPlugin,
  attributes: AdmissionAttributes,
): Promise<string | undefined> {
  try {
    await run(plugin, attributes);
    return undefined;
  } catch (error) {
    if (error instanceof StatusError) return error.message;
    throw error;
  }
}
