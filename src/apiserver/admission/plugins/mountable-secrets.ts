/** Accounts annotated enforce-mountable-secrets allow their pods only the secrets they list. */
import type { Container, Pod, ServiceAccount, Volume } from "#api/generated/types/core-v1.ts";

/** The first secret a pod uses against its account's will, in upstream's words. */
export function mountableSecretsFault(pod: Pod, account: ServiceAccount): string | undefined {
  const name = account.metadata?.name ?? "";
  return mountFault(pod, account.secrets ?? [], name) ?? pullFault(pod, account.imagePullSecrets ?? [], name);
}

type Named = readonly { readonly name?: string | undefined }[];

function mountFault({ spec }: Pod, secrets: Named, account: string): string | undefined {
  const allowed = new Set(secrets.map(({ name }) => name));
  const uses = [
    ...volumeUses(spec?.volumes ?? []),
    ...(spec?.initContainers ?? []).flatMap((container) => containerUses(container, "init container")),
    ...(spec?.containers ?? []).flatMap((container) => containerUses(container, "container")),
  ];
  const use = uses.find(({ secret }) => !allowed.has(secret));
  return use === undefined
    ? undefined
    : `${use.text} is not allowed because service account ${account} does not reference that secret`;
}

function pullFault({ spec }: Pod, secrets: Named, account: string): string | undefined {
  const allowed = new Set(secrets.map(({ name }) => name));
  const used = spec?.imagePullSecrets ?? [];
  const index = used.findIndex(({ name }) => !allowed.has(name));
  return index < 0
    ? undefined
    : `imagePullSecrets[${index}].name="${used[index]?.name ?? ""}" is not allowed because service account ${account} does not reference that imagePullSecret`;
}

interface Use {
  readonly secret: string;
  readonly text: string;
}

function volumeUses(volumes: readonly Volume[]): Use[] {
  return volumes.flatMap(({ secret }) =>
    secret?.secretName === undefined
      ? []
      : [{ secret: secret.secretName, text: `volume with secret.secretName="${secret.secretName}"` }],
  );
}

function containerUses(container: Container, kind: string): Use[] {
  const use = (secret: string | undefined, how: string): Use[] =>
    secret === undefined
      ? []
      : [{ secret, text: `${kind} ${container.name} with ${how} referencing secret.secretName="${secret}"` }];
  return [
    ...(container.env ?? []).flatMap(({ name, valueFrom }) =>
      use(valueFrom?.secretKeyRef?.name, `envVar ${name}`),
    ),
    ...(container.envFrom ?? []).flatMap(({ secretRef }) => use(secretRef?.name, "envFrom")),
  ];
}
