/** Which authorizers are asked, in which order. upstream: apiserver/pkg/apis/apiserver/types.go */
import type { ConfigExpression } from "#api/cel/config/config-expression.ts";
import type { WebhookAuthorizerOptions } from "../webhook/authorizer.ts";

export type BuiltinAuthorizer = "Node" | "RBAC" | "ABAC" | "AlwaysAllow" | "AlwaysDeny";

export interface WebhookSpec extends Omit<WebhookAuthorizerOptions, "name"> {
  readonly kubeConfigFile: string;
  /** All must hold for it to be asked. */
  readonly matchConditions: readonly ConfigExpression[];
}

export type AuthorizerSpec =
  | { readonly type: BuiltinAuthorizer; readonly name: string }
  | { readonly type: "Webhook"; readonly name: string; readonly webhook: WebhookSpec };

export type AuthorizationOptions = (
  | { readonly authorizers: readonly AuthorizerSpec[] }
  /** An AuthorizationConfiguration, followed. */
  | { readonly configFile: string }
) & {
  /** What ABAC allows. */
  readonly policyFile?: string | undefined;
};

/** As k3s and kubeadm set upstream up. */
export const defaultAuthorization: AuthorizationOptions = {
  authorizers: [
    { type: "Node", name: "node" },
    { type: "RBAC", name: "rbac" },
  ],
};
