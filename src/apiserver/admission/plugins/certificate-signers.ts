/**
 * Approving and signing certificate requests needs the signer's consent, and nobody becomes a master by a request.
 * upstream: plugin/pkg/admission/certificates/{approval,signing,subjectrestriction}
 */
import { isDeepStrictEqual } from "node:util";
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import { mayUseSigner } from "#apiserver/authz/signer-consent.ts";
import { CsrError, readCsr } from "#pki/csr.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { concerns, refuse } from "../refuse.ts";

const resource = "certificatesigningrequests.certificates.k8s.io";

export class CertificateApproval implements AdmissionPlugin {
  readonly name = "CertificateApproval";
  readonly resources = [resource];
  readonly #authorizer: Authorizer;

  constructor(deps: { readonly authorizer: Authorizer }) {
    this.#authorizer = deps.authorizer;
  }

  handles(operation: Operation): boolean {
    return operation === "UPDATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (!concerns(attributes, resource) || attributes.subresource !== "approval") return;
    const { signerName } = requestOf(attributes.oldObject).spec;
    await needConsent(attributes, this.#authorizer, "approve", signerName);
  }
}

export class CertificateSigning implements AdmissionPlugin {
  readonly name = "CertificateSigning";
  readonly resources = [resource];
  readonly #authorizer: Authorizer;

  constructor(deps: { readonly authorizer: Authorizer }) {
    this.#authorizer = deps.authorizer;
  }

  handles(operation: Operation): boolean {
    return operation === "UPDATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (!concerns(attributes, resource) || attributes.subresource !== "status") return;
    const old = requestOf(attributes.oldObject);
    const { status } = requestOf(attributes.object);
    const isSame =
      status?.certificate === old.status?.certificate &&
      isDeepStrictEqual(status?.conditions ?? [], old.status?.conditions ?? []);
    if (isSame) return;
    await needConsent(attributes, this.#authorizer, "sign", old.spec.signerName);
  }
}

const clientSigner = "kubernetes.io/kube-apiserver-client";
const masters = "system:masters";

export class CertificateSubjectRestriction implements AdmissionPlugin {
  readonly name = "CertificateSubjectRestriction";
  readonly resources = [resource];

  handles(operation: Operation): boolean {
    return operation === "CREATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (!concerns(attributes, resource) || attributes.subresource !== "") return;
    const { spec } = requestOf(attributes.object);
    if (spec.signerName !== clientSigner) return;
    if (organizationsOf(attributes, spec.request).includes(masters)) {
      throw refuse(attributes, `use of ${clientSigner} signer with ${masters} group is not allowed`);
    }
  }
}

const requestOf = (object: AdmissionAttributes["object"]): CertificateSigningRequest =>
  object as unknown as CertificateSigningRequest;

function organizationsOf(attributes: AdmissionAttributes, request: string): readonly string[] {
  try {
    return readCsr(Buffer.from(request, "base64").toString("utf8")).subject.organizations;
  } catch (error) {
    if (!(error instanceof CsrError)) throw error;
    throw refuse(attributes, `failed to parse CSR: ${error.message}`);
  }
}

/** Throws 403 where the signer's consent to it is missing. */
async function needConsent(
  attributes: AdmissionAttributes,
  authorizer: Authorizer,
  verb: "approve" | "sign",
  signerName: string,
): Promise<void> {
  if (await mayUseSigner(authorizer, attributes.user, verb, signerName)) return;
  throw refuse(
    attributes,
    `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`,
  );
}
