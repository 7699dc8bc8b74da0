/** The configuration's file: read at the start, and again whenever it changes. upstream: pkg/server/options/encryptionconfig/controller */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { followFile } from "#base/follow-file.ts";
import { errorText } from "#base/log.ts";
import type { ReloadMetrics } from "#apiserver/metrics/reload-metrics.ts";
import type { TransformationMetrics } from "#apiserver/metrics/transformation-metrics.ts";
import type { EncryptionConfiguration } from "./configuration.ts";
import { EncryptionConfigurationError, parseEncryptionConfiguration } from "./configuration.ts";
import type { EncryptingStore } from "./encrypting-store.ts";
import { KmsProviders, type KmsDeps } from "./kms/providers.ts";
import { transformerFinder } from "./transformer.ts";

/** How long plugins are waited for when the server starts. */
const startPatienceMs = 60_000;
const reloadPatienceMs = 10_000;
const never = new AbortController().signal;

export interface ConfigurationFileDeps extends KmsDeps {
  readonly store: EncryptingStore;
  readonly metrics?: ReloadMetrics | undefined;
  readonly transformations?: TransformationMetrics | undefined;
  /** Another configuration counts from now on. */
  readonly loaded: () => void;
}

export class ConfigurationFile {
  readonly path: string;
  readonly #deps: ConfigurationFileDeps;
  #hash = "";
  #kms: KmsProviders | undefined;
  #before: KmsProviders | undefined;
  #reading = Promise.resolve();

  constructor(path: string, deps: ConfigurationFileDeps) {
    this.path = path;
    this.#deps = deps;
  }

  /** Of the file that counts now: servers with the same one can read each other's values. */
  get hash(): string {
    return this.#hash;
  }

  /** Whether there was something new. Throws EncryptionConfigurationError. `signal` ends the waiting for plugins. */
  async load(signal = never): Promise<boolean> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      throw new EncryptionConfigurationError(this.path, `can't be read: ${errorText(error)}`, {
        cause: error,
      });
    }
    const hash = createHash("sha256").update(text).digest("hex");
    if (hash === this.#hash) return false;
    const configuration = parseEncryptionConfiguration(this.path, text);
    const kms = await this.#plugins(configuration, signal);
    const { store, transformations } = this.#deps;
    store.configure(await transformerFinder(configuration, kms, transformations));
    this.#hash = hash;
    await this.#before?.close();
    [this.#before, this.#kms] = [this.#kms, kms];
    await this.#before?.rest();
    kms.run();
    this.#deps.metrics?.loaded(text);
    this.#deps.loaded();
    this.#deps.log.info("encryption provider configuration loaded", { path: this.path });
    return true;
  }

  /** What is wrong with the plugins that it names. */
  async fault(): Promise<string | undefined> {
    return this.#kms?.health();
  }

  /** Those of before may still be asked for what comes late; those before them aren't any more. */
  async close(): Promise<void> {
    await this.#reading;
    await Promise.all([this.#before?.close(), this.#kms?.close()]);
  }

  /** At a start they may come up with us. */
  async #plugins({ resources }: EncryptionConfiguration, signal: AbortSignal): Promise<KmsProviders> {
    const configurations = resources.flatMap(({ providers }) => providers.flatMap(({ kms }) => kms ?? []));
    const plugins = new KmsProviders(configurations, this.#deps);
    try {
      await plugins.ready(this.#kms === undefined ? startPatienceMs : reloadPatienceMs, signal);
      return plugins;
    } catch (error) {
      await plugins.close();
      throw new EncryptionConfigurationError(this.path, errorText(error), { cause: error });
    }
  }

  /** A file that can't be used changes nothing but the log. Returns what ends it. */
  follow(): () => void {
    const { metrics, clock } = this.#deps;
    const failed = (error: unknown): void => {
      metrics?.reloaded("failure", clock.now());
      this.#deps.log.error("encryption provider configuration not loaded", { reason: errorText(error) });
    };
    const changed = (): void => {
      this.#reading = this.#reading
        .then(async () => {
          if (await this.load()) metrics?.reloaded("success", clock.now());
        })
        .catch(failed);
    };
    return followFile(this.path, changed, failed);
  }
}
