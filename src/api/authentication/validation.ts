/** Requests for tokens. upstream: pkg/apis/authentication/validation/validation.go */
import type { TokenRequest } from "../generated/types/authentication-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";

const secondsMin = 600;
const secondsMax = 2 ** 32;

function checkTokenRequest({ spec }: Loose<TokenRequest>, faults: FaultList): void {
  const seconds = spec?.expirationSeconds ?? secondsMin;
  const path = "spec.expirationSeconds";
  if (seconds < secondsMin) {
    faults.invalid(path, seconds, "may not specify a duration less than 10 minutes");
  } else if (seconds > secondsMax) {
    faults.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds");
  }
}

export const authenticationValidations: ValidationsByKind = { TokenRequest: { check: checkTokenRequest } };
