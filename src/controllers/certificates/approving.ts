/** Approves what kubelets ask for themselves, when they may. upstream: pkg/controller/certificates/approver/sarapprove.go */
import type { SubjectAccessReview } from "#api/generated/types/authorization-v1.ts";
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import { certificateSigningRequests, subjectAccessReviews } from "#api/resources.ts";
import { toRfc3339 } from "#base/clock.ts";
import { readCsr } from "#pki/csr.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { hasCondition, kubeletClientSigner, requestController, requestPem } from "./requests.ts";
import { kubeletClientFault } from "./signer-rules.ts";

interface Recognized {
  readonly subresource: "selfnodeclient" | "nodeclient";
  readonly message: string;
}

const own: Recognized = {
  subresource: "selfnodeclient",
  message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
};
const first: Recognized = {
  subresource: "nodeclient",
  message: "Auto approving kubelet client certificate after SubjectAccessReview.",
};

export function csrApprovingController(context: ControllerContext): Controller {
  const { client, clock } = context;
  const mayHave = async (request: CertificateSigningRequest, subresource: string): Promise<boolean> => {
    const { username, uid, groups, extra } = request.spec;
    const review: SubjectAccessReview = {
      spec: {
        user: username,
        uid,
        groups,
        extra,
        resourceAttributes: {
          group: "certificates.k8s.io",
          resource: "certificatesigningrequests",
          verb: "create",
          subresource,
        },
      },
    };
    const { status } = await client.resource(subjectAccessReviews).create(review);
    return status?.allowed === true;
  };
  return requestController(context, async (request) => {
    if (hasCondition(request, "Approved") || hasCondition(request, "Denied")) return;
    const name = request.metadata?.name ?? "";
    const candidates = recognize(request);
    for (const { subresource, message } of candidates) {
      if (!(await mayHave(request, subresource))) continue;
      const now = toRfc3339(clock.now());
      const approved = {
        type: "Approved",
        status: "True",
        reason: "AutoApproved",
        message,
        lastUpdateTime: now,
        lastTransitionTime: now,
      };
      await client
        .resource(certificateSigningRequests)
        .subresource<CertificateSigningRequest>(name, "approval")
        .update({
          ...request,
          status: { ...request.status, conditions: [...(request.status?.conditions ?? []), approved] },
        });
      return;
    }
    if (candidates.length > 0) {
      const tried = candidates.map(({ subresource }) => subresource).join(" ");
      throw new Error(
        `recognized csr ${JSON.stringify(name)} as [${tried}] but subject access review was not approved`,
      );
    }
  });
}

function recognize(request: CertificateSigningRequest): readonly Recognized[] {
  if (request.spec.signerName !== kubeletClientSigner) return [];
  const asked = readCsr(requestPem(request));
  if (kubeletClientFault(asked, request.spec.usages ?? []) !== undefined) return [];
  return request.spec.username === asked.subject.commonName ? [own, first] : [first];
}
