/**
 * Secrets of type kubernetes.io/service-account-token get the token of the account that they name, and go with it.
 * upstream: pkg/controller/serviceaccount/tokens_controller.go
 */
import {
  accountNameAnnotation,
  accountTokenType,
  accountUidAnnotation,
  legacyClaims,
} from "#api/core/legacy-token.ts";
import type { Secret, ServiceAccount } from "#api/generated/types/core-v1.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { secrets, serviceAccounts } from "#api/resources.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { parseSigningKey, signJwt, type SigningKey } from "#pki/jwt.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";

const byAccount = "serviceaccount-token/account";
const workers = 5;
/** Before the keys of secrets that are gone: "-namespace/secret/account". */
const goneMark = "-";

/** Which account a secret is of: undefined for one that names none. */
function accountOf({ metadata }: Secret): { readonly name: string; readonly uid: string } | undefined {
  const name = metadata?.annotations?.[accountNameAnnotation] ?? "";
  return name === "" ? undefined : { name, uid: metadata?.annotations?.[accountUidAnnotation] ?? "" };
}

const keyOf = ({ metadata }: Secret | ServiceAccount): string =>
  `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;

export function serviceAccountTokenController(context: ControllerContext): Controller {
  const { informers, log } = context;
  const { serviceAccountKeyPem } = context.options;
  if (serviceAccountKeyPem === "") {
    log.warn("there is no key to sign tokens with: secrets of accounts stay empty");
    return { run: () => Promise.resolve() };
  }
  const queue = new RateLimitedQueue({ name: "serviceaccount-token" }, context);
  const secretInformer = informers.informer(secrets, { fieldSelector: `type=${accountTokenType}` });
  const accountInformer = informers.informer(serviceAccounts);
  secretInformer.addIndex(byAccount, (secret) => {
    const account = accountOf(secret);
    return account === undefined ? [] : [`${secret.metadata?.namespace ?? ""}/${account.name}`];
  });
  secretInformer.addHandler({
    add: (secret) => queue.add(keyOf(secret)),
    update: (secret) => queue.add(keyOf(secret)),
    delete: (secret) => {
      const account = accountOf(secret);
      if (account !== undefined) queue.add(`${goneMark}${keyOf(secret)}/${account.name}`);
    },
  });
  const ofAccount = (account: ServiceAccount): void => {
    for (const secret of secretInformer.lister.byIndex(byAccount, keyOf(account))) queue.add(keyOf(secret));
  };
  accountInformer.addHandler({ add: ofAccount, delete: ofAccount });
  const tokens = new AccountTokens(context, parseSigningKey(serviceAccountKeyPem));
  return queueController(queue, workers, async (key) => {
    if (key.startsWith(goneMark)) {
      const [namespace = "", name = "", accountName = ""] = key.slice(goneMark.length).split("/");
      const isBack = secretInformer.lister.get(`${namespace}/${name}`) !== undefined;
      const account = accountInformer.lister.get(`${namespace}/${accountName}`);
      if (!isBack && account !== undefined) await tokens.unlink(account, name);
      return;
    }
    const secret = secretInformer.lister.get(key);
    if (secret === undefined) return;
    const [namespace = "", accountName = ""] = [secret.metadata?.namespace, accountOf(secret)?.name];
    await tokens.sync(secret, accountInformer.lister.get(`${namespace}/${accountName}`));
  });
}

/** One secret and its account. */
class AccountTokens {
  readonly #context: ControllerContext;
  readonly #key: SigningKey;

  constructor(context: ControllerContext, key: SigningKey) {
    this.#context = context;
    this.#key = key;
  }

  /** `cached`: the account as far as it is known. */
  async sync(secret: Secret, cached: ServiceAccount | undefined): Promise<void> {
    const named = accountOf(secret);
    if (named === undefined) return;
    const fits = (account: ServiceAccount | undefined): account is ServiceAccount =>
      account !== undefined && (named.uid === "" || named.uid === account.metadata?.uid);
    const account = fits(cached) ? cached : await this.#account(secret, named.name);
    try {
      if (fits(account)) await this.#fill(secret, account);
      else await this.#delete(secret, named.name);
    } catch (error) {
      // Changed or gone meanwhile: what follows comes as an event.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  /** An account names no secret that isn't there; only those of old do at all. */
  async unlink(account: ServiceAccount, secretName: string): Promise<void> {
    const { secrets: named = [], metadata } = account;
    const left = named.filter(({ name }) => name !== secretName);
    if (left.length === named.length) return;
    try {
      await this.#context.client
        .resource(serviceAccounts, metadata?.namespace)
        .update({ ...account, secrets: left });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** It may be newer than what is known here. */
  async #account(secret: Secret, name: string): Promise<ServiceAccount | undefined> {
    try {
      return await this.#context.client.resource(serviceAccounts, secret.metadata?.namespace).get(name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #delete({ metadata }: Secret, account: string): Promise<void> {
    const { namespace, name = "", uid } = metadata ?? {};
    this.#context.log.info("the token of an account that isn't there is deleted", {
      namespace,
      name,
      account,
    });
    await this.#context.client.resource(secrets, namespace).delete(name, { preconditions: { uid } });
  }

  async #fill(secret: Secret, account: ServiceAccount): Promise<void> {
    const { namespace = "", name: secretName = "" } = secret.metadata ?? {};
    const { name: accountName = "", uid: accountUid = "" } = account.metadata ?? {};
    const filled = filledData(secret, encoded(this.#context.options.rootCaPem));
    if (filled === undefined) return;
    const token =
      filled["token"] ??
      encoded(await signJwt(legacyClaims({ namespace, secretName, accountName, accountUid }), this.#key));
    const annotations = {
      ...secret.metadata?.annotations,
      [accountNameAnnotation]: accountName,
      [accountUidAnnotation]: accountUid,
    };
    await this.#context.client.resource(secrets, namespace).update({
      ...secret,
      metadata: { ...secret.metadata, annotations },
      data: { ...filled, token },
    });
  }
}

const encoded = (text: string): string => Buffer.from(text, "utf8").toString("base64");

/** The data as it should be, but for the token where there is none yet; undefined: it is. `rootCa` in base64. */
function filledData({ metadata, data = {} }: Secret, rootCa: string): Record<string, string> | undefined {
  const { token = "", namespace = "" } = data;
  if (token !== "" && namespace !== "" && data["ca.crt"] === rootCa) return undefined;
  const { token: _token, ...rest } = data;
  return {
    ...rest,
    ...(token === "" ? {} : { token }),
    namespace: namespace === "" ? encoded(metadata?.namespace ?? "") : namespace,
    "ca.crt": rootCa,
  };
}
