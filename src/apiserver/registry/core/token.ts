/** serviceaccounts/token. upstream: pkg/registry/core/serviceaccount/storage/token.go */
import type { TokenRequest } from "#api/generated/types/authentication-v1.ts";
import type { ServiceAccount } from "#api/generated/types/core-v1.ts";
import { invalid } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { invalidError } from "#api/meta/status.ts";
import {
  attributesOf,
  judgeStrictFaults,
  optionsObject,
  parseWriteOptions,
  settleNamespace,
  type WriteDeps,
} from "#apiserver/handlers/write.ts";
import type { Handler } from "../endpoint.ts";

export interface IssueHooks {
  /** Takes what the client should know. */
  warn(text: string): void;
  /** Judges the request once it is complete, and before anything is looked up for it. */
  validate(request: TokenRequest): Promise<void>;
  /** Takes the token's own id: it is noted who got it. */
  issued(tokenId: string): void;
}

/** Signs tokens; apiserver/authn/service-account/issuer.ts. */
export interface Issuer {
  issue(account: ServiceAccount, request: TokenRequest, hooks: IssueHooks): Promise<TokenRequest>;
}

const tokenKind = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" } as const;

/** Of an audit event: which token was issued. */
const issuedKey = "authentication.kubernetes.io/issued-credential-id";

export const createToken =
  (deps: WriteDeps, issuer: Issuer): Handler =>
  async (request) => {
    const { call, info, endpoint } = request;
    const options = parseWriteOptions(call.query, "CreateOptions");
    const decoded = await deps.semantics.decode(call.body, tokenKind);
    const sent = judgeStrictFaults(decoded, options, request);
    settleNamespace(sent, request);
    deps.semantics.applyDefaults(sent, tokenKind);
    call.sent?.(sent);
    const attributesFor = (object: AnyObject): ReturnType<typeof attributesOf> =>
      attributesOf(request, {
        operation: "CREATE",
        object,
        oldObject: undefined,
        options: optionsObject("CreateOptions", options),
        dryRun: options.dryRun,
        gvk: tokenKind,
      });
    await deps.admission.admit(attributesFor(sent));
    checkName(sent, info.name);
    const account = (await endpoint.storage.get(info)).object as ServiceAccount;
    const issued = await issuer.issue(account, sent as TokenRequest & AnyObject, {
      warn: (text) => {
        call.warn(text);
      },
      issued: (tokenId) => call.annotate?.(issuedKey, `JTI=${tokenId}`),
      validate: (completed) => deps.admission.validate(attributesFor(completed as TokenRequest & AnyObject)),
    });
    return { kind: "object", status: 201, object: issued as TokenRequest & AnyObject };
  };

/** The body may repeat the account's name, but not contradict the URL. */
function checkName({ metadata }: AnyObject, name: string): void {
  const given = metadata?.name ?? "";
  if (given === "" || given === name) return;
  throw invalidError({ group: tokenKind.group, kind: tokenKind.kind, name }, [
    invalid("metadata.name", given, "must match the service account name if specified"),
  ]);
}
