/** What `--version` says, and the Kubernetes version this server is. */
export const version = "0.1.0";
export const kubernetesVersion = "v1.35.2+minik8s";
