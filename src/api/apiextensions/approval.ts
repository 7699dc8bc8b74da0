/** Groups of the Kubernetes project may not be used by everybody. upstream: apiextensions-apiserver/pkg/apihelpers/helpers.go */

export const approvalAnnotation = "api-approved.kubernetes.io";
const more = "see https://github.com/kubernetes/enhancements/pull/1111";

export type ApprovalState = "invalid" | "missing" | "approved" | "bypassed";

export interface Approval {
  readonly state: ApprovalState;
  readonly text: string;
}

export const isProtectedGroup = (group: string): boolean =>
  /(^|\.)k8s\.io$/.test(group) || /(^|\.)kubernetes\.io$/.test(group);

export function approvalOf(annotations: Readonly<Record<string, string>> | undefined): Approval {
  const value = annotations?.[approvalAnnotation] ?? "";
  const needed = `protected groups must have approval annotation ${JSON.stringify(approvalAnnotation)}`;
  if (value === "") return { state: "missing", text: `${needed}, ${more}` };
  if (value.startsWith("unapproved")) {
    return { state: "bypassed", text: `not approved: ${JSON.stringify(value)}` };
  }
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(value) && URL.canParse(value)) {
    return { state: "approved", text: `approved in ${value}` };
  }
  return {
    state: "invalid",
    text: `${needed} with either a URL or a reason starting with "unapproved", ${more}`,
  };
}
