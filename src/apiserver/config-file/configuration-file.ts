/** A configuration of the server in upstream's form: read at the start, and again whenever its file changes. */
import { readFile } from "node:fs/promises";
import { parseYaml } from "#api/codec/yaml.ts";
import type { Clock } from "#base/clock.ts";
import { followFile } from "#base/follow-file.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { ReloadMetrics } from "#apiserver/metrics/reload-metrics.ts";
import { readShape, type Shape } from "./shape.ts";

export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly code = "CONFIGURATION";
}

export interface ConfigurationFileDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ReloadMetrics;
}

export interface ConfigurationKind<T> {
  /** "AuthorizationConfiguration" */
  readonly kind: string;
  /** Without apiVersion and kind. */
  readonly shape: Readonly<Record<string, Shape>>;
  /** Makes it count. `value` has the shape. Throws; an array of texts is what is wrong with it. */
  readonly take: (value: T) => Promise<readonly string[]>;
}

const versions = ["v1", "v1beta1", "v1alpha1"].map((version) => `apiserver.config.k8s.io/${version}`);

export class ConfigurationFile<T> {
  readonly #path: string;
  readonly #kind: ConfigurationKind<T>;
  readonly #deps: ConfigurationFileDeps;
  #text: string | undefined;
  #reading = Promise.resolve();

  constructor(path: string, kind: ConfigurationKind<T>, deps: ConfigurationFileDeps) {
    this.#path = path;
    this.#kind = kind;
    this.#deps = deps;
  }

  /** Whether there was something new. Throws ConfigurationError with every fault. */
  async load(): Promise<boolean> {
    const text = await this.#read();
    if (text === this.#text) return false;
    this.#text = text;
    const faults: string[] = [];
    const value = this.#parse(text, faults);
    if (faults.length === 0) faults.push(...(await this.#kind.take(value as T)));
    const [only = ""] = faults;
    if (faults.length > 0) throw this.#error(faults.length === 1 ? only : `[${faults.join(", ")}]`);
    this.#deps.metrics.loaded(text);
    this.#deps.log.info("configuration loaded", { kind: this.#kind.kind, path: this.#path });
    return true;
  }

  /** A file that can't be used changes nothing but the log. Returns what ends it. */
  follow(): () => void {
    const { clock, log, metrics } = this.#deps;
    const failed = (error: unknown): void => {
      metrics.reloaded("failure", clock.now());
      log.error("configuration not loaded", { kind: this.#kind.kind, reason: errorText(error) });
    };
    return followFile(
      this.#path,
      () => {
        this.#reading = this.#reading
          .then(async () => {
            if (await this.load()) metrics.reloaded("success", clock.now());
          })
          .catch(failed);
      },
      failed,
    );
  }

  async #read(): Promise<string> {
    try {
      return await readFile(this.#path, "utf8");
    } catch (error) {
      throw this.#error(errorText(error), error);
    }
  }

  #parse(text: string, faults: string[]): unknown {
    let value: unknown;
    try {
      value = parseYaml(text);
    } catch (error) {
      throw this.#error(`is no YAML: ${errorText(error)}`, error);
    }
    const { kind, shape } = this.#kind;
    const { apiVersion, kind: given } = (value ?? {}) as {
      readonly apiVersion?: unknown;
      readonly kind?: unknown;
    };
    if (given !== kind || typeof apiVersion !== "string" || !versions.includes(apiVersion)) {
      throw this.#error(
        `is ${String(given)} of ${String(apiVersion)}, must be ${kind} of ${versions.join(", ")}`,
      );
    }
    return readShape(value, { ...shape, apiVersion: "string", kind: "string" }, "", faults);
  }

  #error(reason: string, cause?: unknown): ConfigurationError {
    return new ConfigurationError(
      `failed to load ${this.#kind.kind} from file ${JSON.stringify(this.#path)}: ${reason}`,
      {
        cause,
      },
    );
  }
}
