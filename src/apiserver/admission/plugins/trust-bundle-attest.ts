/**
 * What a signer's anchors are, only who may attest for it says.
 * upstream: plugin/pkg/admission/certificates/ctbattest/admission.go
 */
import type { ClusterTrustBundle } from "#api/generated/types/certificates-v1beta1.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import { mayUseSigner } from "#apiserver/authz/signer-consent.ts";
import { isSame } from "#apiserver/registry/strategy.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { concerns, refuse } from "../refuse.ts";

const resource = "clustertrustbundles.certificates.k8s.io";

export class ClusterTrustBundleAttest implements AdmissionPlugin {
  readonly name = "ClusterTrustBundleAttest";
  readonly resources = [resource];
  readonly #authorizer: Authorizer;

  constructor(deps: { readonly authorizer: Authorizer }) {
    this.#authorizer = deps.authorizer;
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (!concerns(attributes, resource)) return;
    const { object, oldObject, user } = attributes;
    const { signerName = "" } = (object as Loose<ClusterTrustBundle> | undefined)?.spec ?? {};
    if (signerName === "" || isOnlyCollected(object, oldObject)) return;
    if (await mayUseSigner(this.#authorizer, user, "attest", signerName)) return;
    throw refuse(attributes, `user not permitted to attest for signerName ${JSON.stringify(signerName)}`);
  }
}

/** Garbage collection and migrations change nothing that anybody attests. upstream: pkg/registry/rbac/helpers.go (IsOnlyMutatingGCFields) */
function isOnlyCollected(object: AnyObject | undefined, old: AnyObject | undefined): boolean {
  if (object === undefined || old === undefined) return false;
  return isSame(withoutOwners(object), withoutOwners(old));
}

function withoutOwners({ metadata = {}, ...rest }: AnyObject): object {
  const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _managed, ...own } = metadata;
  return { ...rest, metadata: own };
}
