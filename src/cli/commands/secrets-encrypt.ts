import type { SecretsRotation } from "#supervisor/secrets-encryption/rotation.ts";
import type { CommandDefinition } from "../command.ts";
import { findKubeconfig } from "../kubeconfig-path.ts";
import { UsageError, type Invocation } from "../invocation.ts";

type Step = (rotation: SecretsRotation, isForced: boolean) => Promise<void>;

const steps: Readonly<Record<string, Step>> = {
  status: (rotation) => rotation.status(),
  enable: (rotation) => rotation.switch(true),
  disable: (rotation) => rotation.switch(false),
  prepare: (rotation) => rotation.prepare(),
  rotate: (rotation) => rotation.rotate(),
  reencrypt: (rotation, isForced) => rotation.reencrypt(isForced),
  "rotate-keys": (rotation) => rotation.rotateKeys(),
};
const stepNames = Object.keys(steps);

export const secretsEncryptCommand: CommandDefinition = {
  name: "secrets-encrypt",
  summary: "Show and change the keys that Secrets are kept encrypted with",
  description:
    "For servers that were started with --secrets-encryption, or share a datastore. rotate-keys does prepare (a new key reads), rotate (it " +
    "writes) and reencrypt (every Secret is written anew, the old key goes). After enable or disable, " +
    "`reencrypt --force` brings what is stored into line. The servers go on running.",
  options: [
    {
      name: "kubeconfig",
      type: "string",
      placeholder: "FILE",
      group: "client",
      defaultText: "KUBECONFIG, or the server's own",
      text: "How to reach the server",
    },
    { name: "force", type: "boolean", group: "client", text: "Reencrypt at any stage" },
  ],
  args: [{ name: "step", required: true, text: stepNames.join(", ") }],
  examples: ["secrets-encrypt status", "secrets-encrypt rotate-keys"],
  run: async ({ values, args, invocation }) => {
    const step = steps[args[0] ?? ""];
    if (step === undefined) {
      throw new UsageError([
        `${args[0] ?? ""} is no step of secrets-encrypt; steps are ${stepNames.join(", ")}`,
      ]);
    }
    const kubeconfig = values["kubeconfig"];
    return rotate(invocation, {
      kubeconfig: typeof kubeconfig === "string" ? kubeconfig : undefined,
      run: (rotation) => step(rotation, values["force"] === true),
    });
  },
};

interface Work {
  readonly kubeconfig: string | undefined;
  readonly run: (rotation: SecretsRotation) => Promise<void>;
}

async function rotate(invocation: Invocation, { kubeconfig, run }: Work): Promise<number> {
  const { SecretsRotation: Rotation } = await import("#supervisor/secrets-encryption/rotation.ts");
  const { loadKubeconfig } = await import("#client/kubeconfig.ts");
  const { createTlsTransport } = await import("#client/transport.ts");
  const { createClient } = await import("#client/rest.ts");
  const { systemClock: clock } = await import("#base/clock.ts");
  const { errorText, silentLogger } = await import("#base/log.ts");
  const path = kubeconfig ?? invocation.env["KUBECONFIG"] ?? (await findKubeconfig(invocation));
  if (path === undefined || path === "") {
    throw new UsageError(["no kubeconfig was found; --kubeconfig names one"]);
  }
  try {
    const { options, identity } = await loadKubeconfig(path, clock);
    const transport = createTlsTransport(options, { identity, clock, log: silentLogger });
    const { signal, out: say } = invocation;
    try {
      const client = createClient(transport, { clock, fieldManager: "mini-k8s" });
      await run(new Rotation({ client, signal, say }));
    } finally {
      await transport.close();
    }
    return 0;
  } catch (error) {
    invocation.err(`mini-k8s secrets-encrypt: ${errorText(error)}\n`);
    return 1;
  }
}
