/** What tokens of service accounts are: who signs them, whose are good, for whom and for how long. */

export interface ServiceAccountOptions {
  /** The first is who signs; tokens of the others are good, too. */
  readonly issuers: readonly string[];
  /** What this API is called in tokens: one of these must be among a token's audiences. */
  readonly apiAudiences: readonly string[];
  /** Where others find the keys. Undefined: at this server. */
  readonly jwksUri: string | undefined;
  /** Nobody gets a token for longer. Undefined: whoever asks. */
  readonly tokenSecondsMax: number | undefined;
  /** Whether the tokens that pods mount are good for a year, though their clients are told of an hour. */
  readonly extendsExpiration: boolean;
  /** Whether tokens that secrets hold go with the secret and the account. */
  readonly looksUp: boolean;
  /** Texts of PEM blocks: keys, besides the one that signs, whose tokens are good. */
  readonly keyPems: readonly string[];
  /** Whether tokens of the key that signs are good though it isn't among those. */
  readonly trustsSigningKey: boolean;
}

const defaultIssuer = "https://kubernetes.default.svc.cluster.local";

export const defaultServiceAccounts: ServiceAccountOptions = {
  issuers: [defaultIssuer],
  apiAudiences: [defaultIssuer],
  jwksUri: undefined,
  tokenSecondsMax: undefined,
  extendsExpiration: true,
  looksUp: true,
  keyPems: [],
  trustsSigningKey: true,
};
