/** All plugins in their order: first every one may change the object, then every one may refuse it. upstream: apiserver/pkg/admission/chain.go */
import type { Admission, AdmissionAttributes, AdmissionPlugin, AdmissionRound } from "./admission.ts";

export class AdmissionChain implements Admission {
  readonly #plugins: readonly AdmissionPlugin[];

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
    for (const plugin of this.#plugins) {
      if (plugin.admit !== undefined && plugin.handles(attributes.operation)) {
        await plugin.admit(attributes, round);
      }
    }
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.validate !== undefined && plugin.handles(attributes.operation)) {
        await plugin.validate(attributes);
      }
    }
  }
}
