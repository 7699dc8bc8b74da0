/** Which kinds of service accounts' tokens are used. upstream: pkg/serviceaccount/{metrics,claims,legacy}.go */
import type { Registry } from "prom-client";
import { SeriesCounter, type Count } from "./series-counter.ts";
import { alpha } from "./stability.ts";

export class AccountTokenMetrics {
  /** Projected tokens, renewed in time or too late. */
  readonly valid: Count;
  readonly stale: Count;
  /** Tokens that are kept in secrets: all, and by who made the secret. */
  readonly legacy: Count;
  readonly legacyAuto: Count;
  readonly legacyManual: Count;
  readonly legacyInvalid: Count;

  constructor(registry: Registry) {
    const count = (rest: string, what: string): Count => {
      const options = { name: `serviceaccount_${rest}_total`, help: alpha(`Cumulative ${what} used`) };
      return new SeriesCounter({ ...options, labelNames: [] }, registry).count({});
    };
    this.valid = count("valid_tokens", "valid projected service account tokens");
    this.stale = count("stale_tokens", "stale projected service account tokens");
    this.legacy = count("legacy_tokens", "legacy service account tokens");
    this.legacyAuto = count("legacy_auto_token_uses", "auto-generated legacy tokens");
    this.legacyManual = count("legacy_manual_token_uses", "manually created legacy tokens");
    this.legacyInvalid = count("invalid_legacy_auto_token_uses", "invalid auto-generated legacy tokens");
  }
}
