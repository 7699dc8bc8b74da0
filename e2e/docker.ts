/** A real dockerd of its own on a lab host. */
import { exec } from "#base/exec.ts";
import type { LabHost } from "./lab.ts";
import { eventually } from "./wait.ts";

const docker = "/usr/bin/docker";

export async function startDocker(host: LabHost): Promise<AsyncDisposable> {
  const daemon = host.spawn(["dockerd", "--log-level", "warn", "--bip", "10.201.0.1/24"], {
    stdio: "ignore",
  });
  await eventually("dockerd answers", 30_000, async () => {
    if (daemon.exitCode !== null) throw new Error(`dockerd ended with ${daemon.exitCode}`);
    await host.exec([docker, "info"]);
    return true;
  });
  return {
    [Symbol.asyncDispose]: async () => {
      // The containers first: their shims outlive the daemon.
      await host.exec(["sh", "-c", `${docker} ps -aq | xargs -r ${docker} rm -f`]).catch(() => undefined);
      const gone = new Promise((resolve) => daemon.once("exit", resolve));
      await host
        .exec(["sh", "-c", "kill $(cat /run/docker.pid)"])
        .catch(() => exec("kill", [String(daemon.pid)]));
      await Promise.race([
        gone,
        eventually("dockerd stops", 20_000, () => Promise.resolve(daemon.exitCode !== null)),
      ]).catch(() => undefined);
    },
  };
}
