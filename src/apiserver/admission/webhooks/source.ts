/** All webhooks of one sort, in the order in which they are asked. upstream: apiserver/pkg/admission/configuration, plugin/webhook/accessors.go */
import type { MutatingWebhook, ValidatingWebhook } from "#api/generated/types/admissionregistration-v1.ts";
import { selectorOf, type LabelSelector } from "#api/meta/labels.ts";
import type { KubeObject } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Informer } from "#client/cache/informer.ts";
import type { LookupDeps } from "../lookup.ts";

export type AnyWebhook = ValidatingWebhook & Partial<Pick<MutatingWebhook, "reinvocationPolicy">>;

export interface Hook {
  readonly configuration: string;
  /** Of this webhook among all, for as long as its configuration stays as it is. */
  readonly uid: string;
  readonly webhook: AnyWebhook;
  readonly namespaceSelector: LabelSelector;
  readonly objectSelector: LabelSelector;
}

export interface Configuration extends KubeObject {
  webhooks?: AnyWebhook[] | undefined;
}

export class HookSource {
  readonly #ref: ResourceRef<Configuration>;
  readonly #deps: LookupDeps;
  readonly #informer: Informer<Configuration>;
  #hooks: readonly Hook[] | undefined;

  constructor(ref: ResourceRef<Configuration>, deps: LookupDeps) {
    this.#ref = ref;
    this.#deps = deps;
    this.#informer = deps.informers.informer(ref);
    const forget = (): void => {
      this.#hooks = undefined;
    };
    this.#informer.addHandler({ add: forget, update: forget, delete: forget });
  }

  /** Whether there is surely nothing to ask. */
  get isEmpty(): boolean {
    return this.#informer.hasSynced && this.#informer.lister.size === 0;
  }

  async hooks(): Promise<readonly Hook[]> {
    if (this.#informer.hasSynced) return (this.#hooks ??= hooksOf(this.#informer.lister.list()));
    return hooksOf((await this.#deps.client.resource(this.#ref).list()).items);
  }
}

function hooksOf(configurations: readonly Configuration[]): readonly Hook[] {
  return configurations
    .toSorted((a, b) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1))
    .flatMap(({ metadata, webhooks }) => {
      const configuration = metadata?.name ?? "";
      const counts = new Map<string, number>();
      return (webhooks ?? []).map((webhook) => {
        const count = counts.get(webhook.name) ?? 0;
        counts.set(webhook.name, count + 1);
        return {
          configuration,
          uid: `${configuration}/${webhook.name}/${count}`,
          webhook,
          namespaceSelector: selectorOf(webhook.namespaceSelector ?? {}),
          objectSelector: selectorOf(webhook.objectSelector ?? {}),
        };
      });
    });
}
