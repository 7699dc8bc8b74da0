/** The nftables backend: the first plan replaces the table, later ones change it by difference. */
import { exec } from "#base/exec.ts";
import type { Logger } from "#base/log.ts";
import type { ProxyBackend } from "../backend.ts";
import type { ProxyPlan } from "../plan.ts";
import { forgetStaleFlows } from "./conntrack.ts";
import { rulesetOf, type Ruleset, type RulesetOptions } from "./ruleset.ts";
import { changeScript, deleteScript, fullScript } from "./script.ts";

export class NftablesBackend implements ProxyBackend {
  readonly #options: RulesetOptions;
  readonly #log: Logger;
  #loaded: Ruleset | undefined;
  #plan: ProxyPlan | undefined;

  constructor(options: RulesetOptions, { log }: { readonly log: Logger }) {
    this.#options = options;
    this.#log = log;
  }

  async apply(plan: ProxyPlan, signal: AbortSignal): Promise<void> {
    const wanted = rulesetOf(plan, this.#options);
    const script = this.#loaded === undefined ? fullScript(wanted) : changeScript(this.#loaded, wanted);
    if (script !== "") {
      try {
        await runNft(script, signal);
      } catch (error) {
        // Somebody may have changed the table behind our back: the next try replaces all of it.
        this.#loaded = undefined;
        throw error;
      }
    }
    this.#loaded = wanted;
    const before = this.#plan;
    this.#plan = plan;
    await forgetStaleFlows(before, plan, { log: this.#log, signal });
  }
}

export async function removeNftablesRules(signal: AbortSignal): Promise<void> {
  await runNft(deleteScript, signal);
}

async function runNft(script: string, signal: AbortSignal): Promise<void> {
  await exec("nft", ["-f", "-"], { input: script, signal });
}
