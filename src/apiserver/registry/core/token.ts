/** serviceaccounts/token. upstream: pkg/registry/core/serviceaccount/storage/token.go */
import type { TokenRequest } from "#api/generated/types/authentication-v1.ts";
import type { ServiceAccount } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import {
  attributesOf,
  judgeStrictFaults,
  optionsObject,
  parseWriteOptions,
  type WriteDeps,
} from "#apiserver/handlers/write.ts";
import type { Handler } from "../endpoint.ts";

/** Signs tokens; apiserver/authn/service-account/issuer.ts. */
export interface Issuer {
  issue(account: ServiceAccount, request: TokenRequest, warn: (text: string) => void): Promise<TokenRequest>;
}

const tokenKind = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" } as const;

export const createToken =
  (deps: WriteDeps, issuer: Issuer): Handler =>
  async (request) => {
    const { call, info, endpoint } = request;
    const options = parseWriteOptions(call.query, "CreateOptions");
    const decoded = await deps.semantics.decode(call.body, tokenKind);
    const object = judgeStrictFaults(decoded, options, request);
    const metadata = (object.metadata ??= {});
    metadata.name ??= info.name;
    metadata.namespace ??= info.namespace;
    deps.semantics.applyDefaults(object, tokenKind);
    call.sent?.(object);
    const account = (await endpoint.storage.get(info)).object as ServiceAccount;
    const attributes = attributesOf(request, {
      operation: "CREATE",
      object,
      oldObject: undefined,
      options: optionsObject("CreateOptions", options),
      dryRun: options.dryRun,
      gvk: tokenKind,
    });
    await deps.admission.admit(attributes);
    await deps.admission.validate(attributes);
    const issued = await issuer.issue(account, object as TokenRequest & AnyObject, (text) => {
      call.warn(text);
    });
    return { kind: "object", status: 201, object: issued as TokenRequest & AnyObject };
  };
