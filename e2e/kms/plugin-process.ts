/** The KMS plugin of plugin.ts, run and told what to be. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { eventually } from "../wait.ts";

const patienceMs = 10_000;

export class PluginProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  #said = "";

  private constructor(socket: string) {
    const file = join(import.meta.dirname, "plugin.ts");
    this.#child = spawn(process.execPath, [file, socket], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      this.#said += chunk.toString();
    });
  }

  static async start(socket: string): Promise<PluginProcess> {
    const plugin = new PluginProcess(socket);
    await eventually("the plugin listens", patienceMs, () =>
      Promise.resolve(plugin.#said.includes("listening\n")),
    );
    return plugin;
  }

  /** How often it was asked that: "Status", "Encrypt", "Decrypt". */
  asked(method: string): number {
    return this.#said.split("\n").filter((line) => line === method).length;
  }

  async become(state: { readonly keyId?: string; readonly healthz?: string }): Promise<void> {
    const before = this.asked("taken");
    this.#child.stdin?.write(`${JSON.stringify(state)}\n`);
    await eventually("the plugin takes it", patienceMs, () => Promise.resolve(this.asked("taken") > before));
  }

  /** As a crash would end it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }
}
