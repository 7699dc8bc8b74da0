/** An AuthenticationConfiguration as it is written. upstream: apiserver/pkg/apis/apiserver/v1/types.go */
import type { Shape } from "#apiserver/config-file/shape.ts";

export interface GivenMapping {
  readonly claim?: string;
  readonly prefix?: string;
  readonly expression?: string;
}

export interface GivenIssuer {
  readonly url?: string;
  readonly discoveryURL?: string;
  readonly certificateAuthority?: string;
  readonly audiences?: readonly string[];
  readonly audienceMatchPolicy?: string;
  readonly egressSelectorType?: string;
}

export interface GivenExtra {
  readonly key?: string;
  readonly valueExpression?: string;
}

export interface GivenClaimRule {
  readonly claim?: string;
  readonly requiredValue?: string;
  readonly expression?: string;
  readonly message?: string;
}

export interface GivenUserRule {
  readonly expression?: string;
  readonly message?: string;
}

export interface GivenMappings {
  readonly username?: GivenMapping;
  readonly groups?: GivenMapping;
  readonly uid?: Omit<GivenMapping, "prefix">;
  readonly extra?: readonly GivenExtra[];
}

export interface GivenJwt {
  readonly issuer?: GivenIssuer;
  readonly claimValidationRules?: readonly GivenClaimRule[];
  readonly claimMappings?: GivenMappings;
  readonly userValidationRules?: readonly GivenUserRule[];
}

export interface GivenAuthentication {
  readonly jwt?: readonly GivenJwt[];
  readonly anonymous?: {
    readonly enabled?: boolean;
    readonly conditions?: readonly { readonly path?: string }[];
  };
}

const mapping = { claim: "string", prefix: "string", expression: "string" } as const;

export const authenticationShape: Readonly<Record<string, Shape>> = {
  jwt: [
    {
      issuer: {
        url: "string",
        discoveryURL: "string",
        certificateAuthority: "string",
        audiences: ["string"],
        audienceMatchPolicy: "string",
        egressSelectorType: "string",
      },
      claimValidationRules: [
        { claim: "string", requiredValue: "string", expression: "string", message: "string" },
      ],
      claimMappings: {
        username: mapping,
        groups: mapping,
        uid: { claim: "string", expression: "string" },
        extra: [{ key: "string", valueExpression: "string" }],
      },
      userValidationRules: [{ expression: "string", message: "string" }],
    },
  ],
  anonymous: { enabled: "boolean", conditions: [{ path: "string" }] },
};
