/** The configuration's file: read at the start, and again whenever it changes. upstream: pkg/server/options/encryptionconfig/controller */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Gauge, type Registry } from "prom-client";
import { followFile } from "#base/follow-file.ts";
import { errorText, type Logger } from "#base/log.ts";
import { EncryptionConfigurationError, parseEncryptionConfiguration } from "./configuration.ts";
import type { EncryptingStore } from "./encrypting-store.ts";
import { transformerFinder } from "./transformer.ts";

/** Which configuration counts, under upstream's name. upstream: encryptionconfig/metrics */
export function registerConfigurationInfo(registry: Registry, file: ConfigurationFile): void {
  const gauge: Gauge = new Gauge({
    name: "apiserver_encryption_config_controller_last_config_info",
    help: "The hash of the configuration that was loaded last.",
    labelNames: ["hash"],
    registers: [registry],
    collect: () => {
      gauge.reset();
      gauge.set({ hash: `sha256:${file.hash}` }, 1);
    },
  });
}

export interface ConfigurationFileDeps {
  readonly store: EncryptingStore;
  readonly log: Logger;
  /** Another configuration counts from now on. */
  readonly loaded: () => void;
}

export class ConfigurationFile {
  readonly path: string;
  readonly #deps: ConfigurationFileDeps;
  #hash = "";
  #reading = Promise.resolve();

  constructor(path: string, deps: ConfigurationFileDeps) {
    this.path = path;
    this.#deps = deps;
  }

  /** Of the file that counts now: servers with the same one can read each other's values. */
  get hash(): string {
    return this.#hash;
  }

  /** Throws EncryptionConfigurationError. */
  async load(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      throw new EncryptionConfigurationError(this.path, `can't be read: ${errorText(error)}`, {
        cause: error,
      });
    }
    const hash = createHash("sha256").update(text).digest("hex");
    if (hash === this.#hash) return;
    this.#deps.store.configure(await transformerFinder(parseEncryptionConfiguration(this.path, text)));
    this.#hash = hash;
    this.#deps.loaded();
    this.#deps.log.info("encryption provider configuration loaded", { path: this.path });
  }

  /** A file that can't be used changes nothing but the log. Returns what ends it. */
  follow(): () => void {
    const failed = (error: unknown): void => {
      this.#deps.log.error("encryption provider configuration not loaded", { reason: errorText(error) });
    };
    const changed = (): void => {
      this.#reading = this.#reading.then(() => this.load()).catch(failed);
    };
    return followFile(this.path, changed, failed);
  }
}
