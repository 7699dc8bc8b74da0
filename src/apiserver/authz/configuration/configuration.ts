/** Which authorizers are asked, in which order. upstream: apiserver/pkg/apis/apiserver/types.go */
import type { WebhookAuthorizerOptions } from "../webhook/authorizer.ts";

export type BuiltinAuthorizer = "Node" | "RBAC" | "AlwaysAllow" | "AlwaysDeny";

export interface WebhookSpec extends Omit<WebhookAuthorizerOptions, "name"> {
  readonly kubeConfigFile: string;
}

export type AuthorizerSpec =
  | { readonly type: BuiltinAuthorizer; readonly name: string }
  | { readonly type: "Webhook"; readonly name: string; readonly webhook: WebhookSpec };

export interface AuthorizationOptions {
  readonly authorizers: readonly AuthorizerSpec[];
}

/** As k3s and kubeadm set upstream up. */
export const defaultAuthorization: AuthorizationOptions = {
  authorizers: [
    { type: "Node", name: "node" },
    { type: "RBAC", name: "rbac" },
  ],
};
