/** The webhooks of one sort of configuration: which there are, and what each is shown of a write that concerns it. */
import type { ResourceRef } from "#api/resource-ref.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { LookupDeps } from "../lookup.ts";
import type { HookCallerDeps } from "./call.ts";
import type { MatchConditions } from "./match-conditions.ts";
import { HookMatcher } from "./matching.ts";
import type { ObjectTypes } from "./object-types.ts";
import { HookSource, type Configuration, type Hook } from "./source.ts";
import { inVersion, type Subject } from "./version.ts";

export interface WebhookPluginDeps {
  readonly lookup: LookupDeps;
  readonly hooks: HookCallerDeps;
  readonly types: ObjectTypes;
  readonly conditions: MatchConditions;
}

export class ConcernedHooks {
  readonly #source: HookSource;
  readonly #matcher: HookMatcher;
  readonly #types: ObjectTypes;
  readonly #conditions: MatchConditions;
  readonly #type: "admit" | "validating";

  constructor(
    ref: ResourceRef<Configuration>,
    type: "admit" | "validating",
    { lookup, types, conditions }: WebhookPluginDeps,
  ) {
    this.#type = type;
    this.#source = new HookSource(ref, lookup);
    this.#matcher = new HookMatcher({ ...lookup, types });
    this.#types = types;
    this.#conditions = conditions;
  }

  /** Whether there is surely nothing to ask. */
  get isEmpty(): boolean {
    return this.#source.isEmpty;
  }

  /** In the order in which they are asked. */
  all(): Promise<readonly Hook[]> {
    return this.#source.hooks();
  }

  /** In the version that the webhook asked for; undefined when the write doesn't concern it. Throws StatusError. */
  async subject(hook: Hook, attributes: AdmissionAttributes): Promise<Subject | undefined> {
    const named = await this.#matcher.match(hook, attributes);
    if (named === undefined) return undefined;
    const subject = await inVersion(attributes, named, this.#types);
    return (await this.#conditions.hold(hook, attributes, subject, this.#type)) ? subject : undefined;
  }
}
