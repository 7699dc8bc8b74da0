/** All plugins in their order: first every one may change the object, then every one may refuse it. upstream: apiserver/pkg/admission/chain.go */
import { qualifiedResource, type GroupVersionResource } from "#api/meta/object.ts";
import type { Admission, AdmissionAttributes, AdmissionPlugin, AdmissionRound } from "./admission.ts";

interface Concerned {
  readonly admitting: readonly AdmissionPlugin[];
  readonly validating: readonly AdmissionPlugin[];
}

export class AdmissionChain implements Admission {
  readonly #plugins: readonly AdmissionPlugin[];
  /** By qualified resource. Two of three plugins are about other ones, and asking them is an await each. */
  readonly #concerned = new Map<string, Concerned>();

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    const notes = new Map<string, unknown>();
    const wishes = new Set<"second round">();
    const askForSecond = (): void => {
      wishes.add("second round");
    };
    await this.#pass(attributes, { isSecond: false, notes, askForSecond });
    if (wishes.size > 0) await this.#pass(attributes, { isSecond: true, notes, askForSecond });
  }

  async #pass(attributes: AdmissionAttributes, round: AdmissionRound): Promise<void> {
    for (const plugin of this.#pluginsFor(attributes.gvr).admitting) {
      const answer = plugin.handles(attributes.operation) ? plugin.admit?.(attributes, round) : undefined;
      if (answer !== undefined) await answer;
    }
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    for (const plugin of this.#pluginsFor(attributes.gvr).validating) {
      const answer = plugin.handles(attributes.operation) ? plugin.validate?.(attributes) : undefined;
      if (answer !== undefined) await answer;
    }
  }

  #pluginsFor({ group, resource }: GroupVersionResource): Concerned {
    const name = qualifiedResource(group, resource);
    let found = this.#concerned.get(name);
    if (found === undefined) {
      const plugins = this.#plugins.filter(({ resources }) => resources?.includes(name) !== false);
      found = {
        admitting: plugins.filter((plugin) => plugin.admit !== undefined),
        validating: plugins.filter((plugin) => plugin.validate !== undefined),
      };
      this.#concerned.set(name, found);
    }
    return found;
  }
}
