/** Who may speak for a signer. upstream: pkg/certauthorization/certauthorization.go */
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Attributes, Authorizer } from "./authorizer.ts";

/** Consent is for one signer, or for all of a domain: "example.com/*". */
export async function mayUseSigner(
  authorizer: Authorizer,
  user: UserInfo,
  verb: "approve" | "sign" | "attest",
  signerName: string,
): Promise<boolean> {
  const wildcard = `${signerName.split("/", 1)[0] ?? ""}/*`;
  for (const name of [signerName, wildcard]) {
    const attributes: Attributes = {
      user,
      verb,
      isResourceRequest: true,
      path: "",
      group: "certificates.k8s.io",
      version: "*",
      resource: "signers",
      subresource: "",
      namespace: "",
      name,
    };
    const decision = await authorizer.authorize(attributes);
    if (decision.allowed) return true;
  }
  return false;
}
