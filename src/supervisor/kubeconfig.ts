/** The administrator's kubeconfig. */
import { writeFileAtomic } from "#base/files.ts";
import type { KeyPair } from "#pki/ca.ts";

export interface KubeconfigInput {
  readonly server: string;
  readonly caPem: string;
  readonly client: KeyPair;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

export function kubeconfigText({ server, caPem, client }: KubeconfigInput): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: default
  cluster:
    server: ${server}
    certificate-authority-data: ${base64(caPem)}
users:
- name: default
  user:
    client-certificate-data: ${base64(client.certificatePem)}
    client-key-data: ${base64(client.keyPem)}
contexts:
- name: default
  context:
    cluster: default
    user: default
current-context: default
`;
}

export async function writeKubeconfig(path: string, mode: number, input: KubeconfigInput): Promise<void> {
  await writeFileAtomic(path, kubeconfigText(input), mode);
}
