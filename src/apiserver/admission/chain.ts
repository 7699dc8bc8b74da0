/** All plugins in their order: first every one may change the object, then every one may refuse it. upstream: apiserver/pkg/admission/chain.go */
import { qualifiedResource, type GroupVersionResource, type ManagedFieldsEntry } from "#api/meta/object.ts";
import { decodeManagers } from "#api/patch/apply/managed-set.ts";
import type { AdmissionMetrics, AdmissionObserver } from "#apiserver/metrics/admission-metrics.ts";
import type { Clock } from "#base/clock.ts";
import type { Admission, AdmissionAttributes, AdmissionPlugin, AdmissionRound } from "./admission.ts";

interface Asked {
  readonly plugin: AdmissionPlugin;
  readonly observer: AdmissionObserver;
}

interface Concerned {
  readonly admitting: readonly Asked[];
  readonly validating: readonly Asked[];
}

export interface AdmissionChainDeps {
  readonly clock: Clock;
  readonly metrics: AdmissionMetrics;
}

export class AdmissionChain implements Admission {
  readonly #deps: AdmissionChainDeps;
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #admitting: readonly Asked[];
  readonly #validating: readonly Asked[];
  /** By qualified resource. Two of three plugins are about other ones, and asking them is an await each. */
  readonly #concerned = new Map<string, Concerned>();

  constructor(plugins: readonly AdmissionPlugin[], deps: AdmissionChainDeps) {
    this.#deps = deps;
    this.#plugins = plugins;
    const asked = (type: "admit" | "validate"): Asked[] =>
      plugins
        .filter((plugin) => plugin[type] !== undefined)
        .map((plugin) => ({ plugin, observer: deps.metrics.plugin(plugin.name, type) }));
    this.#admitting = asked("admit");
    this.#validating = asked("validate");
  }

  /** Before the first request. Throws what is wrong with what a plugin is told. */
  async load(): Promise<void> {
    for (const plugin of this.#plugins) await plugin.load?.();
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    const managers = attributes.object?.metadata?.managedFields;
    const notes = new Map<string, unknown>();
    const wishes = new Set<"second round">();
    const askForSecond = (): void => {
      wishes.add("second round");
    };
    await this.#pass(attributes, { isSecond: false, notes, askForSecond });
    if (wishes.size > 0) await this.#pass(attributes, { isSecond: true, notes, askForSecond });
    if (attributes.object?.metadata?.managedFields !== managers) keepManagers(attributes, managers);
  }

  #pass(attributes: AdmissionAttributes, round: AdmissionRound): Promise<void> {
    const { admitting } = this.#pluginsFor(attributes.gvr);
    return this.#ask(admitting, attributes, this.#deps.metrics.admitStep, (plugin) =>
      plugin.admit?.(attributes, round),
    );
  }

  validate(attributes: AdmissionAttributes): Promise<void> {
    const { validating } = this.#pluginsFor(attributes.gvr);
    return this.#ask(validating, attributes, this.#deps.metrics.validateStep, (plugin) =>
      plugin.validate?.(attributes),
    );
  }

  /** One plugin's end is the next one's beginning: the clock is read once for each. */
  async #ask(
    all: readonly Asked[],
    { operation }: AdmissionAttributes,
    step: AdmissionObserver,
    ask: (plugin: AdmissionPlugin) => Promise<void> | undefined,
  ): Promise<void> {
    const { clock } = this.#deps;
    const began = clock.monotonic();
    let since = began;
    let now = began;
    let current = step;
    let isRejected = true;
    try {
      for (const { plugin, observer } of all) {
        if (!plugin.handles(operation)) continue;
        current = observer;
        const answer = ask(plugin);
        if (answer !== undefined) await answer;
        now = clock.monotonic();
        observer.observe(operation, false, (now - since) / 1000);
        since = now;
      }
      isRejected = false;
    } finally {
      if (isRejected) {
        now = clock.monotonic();
        current.observe(operation, true, (now - since) / 1000);
      }
      step.observe(operation, isRejected, (now - began) / 1000);
    }
  }

  #pluginsFor({ group, resource }: GroupVersionResource): Concerned {
    const name = qualifiedResource(group, resource);
    let found = this.#concerned.get(name);
    if (found === undefined) {
      const isAbout = ({ plugin }: Asked): boolean => plugin.resources?.includes(name) !== false;
      found = { admitting: this.#admitting.filter(isAbout), validating: this.#validating.filter(isAbout) };
      this.#concerned.set(name, found);
    }
    return found;
  }
}

/** Plugins may change who manages what, but not into something that can't be read. upstream: fieldmanager/admission.go */
function keepManagers(
  attributes: AdmissionAttributes,
  before: readonly ManagedFieldsEntry[] | undefined,
): void {
  const metadata = attributes.object?.metadata;
  if (metadata === undefined) return;
  try {
    decodeManagers(metadata.managedFields ?? []);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    metadata.managedFields = before === undefined ? undefined : [...before];
    attributes.warn(
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${error.message}`,
    );
  }
}
