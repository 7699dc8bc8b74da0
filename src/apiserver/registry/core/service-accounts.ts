/** Of a secret, an account tells the name alone. upstream: pkg/registry/core/serviceaccount/strategy.go */
import type { ServiceAccount } from "#api/generated/types/core-v1.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Adjustments } from "../adjusting.ts";

function nameSecrets(object: AnyObject): void {
  const account = object as Loose<ServiceAccount>;
  if (account.secrets === undefined) return;
  account.secrets = account.secrets.map(({ name }) => (name === undefined ? {} : { name }));
}

export const accountAdjustments: Adjustments = { create: nameSecrets, update: nameSecrets };
