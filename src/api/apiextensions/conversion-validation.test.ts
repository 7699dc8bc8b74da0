import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FaultList } from "../meta/fault-list.ts";
import { fieldErrorText } from "../meta/field-error.ts";
import { checkConversion } from "./conversion-validation.ts";

const at = "spec.conversion";
const config = `${at}.webhookClientConfig`;
const form = "desired format: https://host[/path]";
const unwanted = "should not be set when strategy is not set to Webhook";
const onlyHttps = `'https' is the only allowed URL scheme; ${form}`;

type Conversion = Parameters<typeof checkConversion>[0];

const byWebhook = (clientConfig: object, ...versions: readonly string[]): Conversion => ({
  strategy: "Webhook",
  webhook: { clientConfig, conversionReviewVersions: versions.length === 0 ? ["v1"] : [...versions] },
});

const cases: readonly [name: string, conversion: Conversion, faults: readonly string[]][] = [
  ["nothing", undefined, []],
  ["a webhook", byWebhook({ url: "https://x/y" }), []],
  [
    "an unknown strategy",
    { strategy: "Magic" },
    [`${at}.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"`],
  ],
  [
    "a webhook for strategy None",
    { ...byWebhook({ url: "https://x" }), strategy: "None" },
    [`${config}: Forbidden: ${unwanted}`, `${at}.conversionReviewVersions: Forbidden: ${unwanted}`],
  ],
  [
    "strategy Webhook without one",
    { strategy: "Webhook" },
    [
      `${config}: Required value: required when strategy is set to Webhook`,
      `${at}.conversionReviewVersions: Required value`,
    ],
  ],
  [
    "a webhook nowhere",
    byWebhook({}),
    [`${config}: Required value: exactly one of url or service is required`],
  ],
  [
    "a webhook over plain HTTP, in an unknown review version",
    byWebhook({ url: "http://x/y" }, "v9"),
    [
      `${config}.url: Invalid value: "http": ${onlyHttps}`,
      `${at}.conversionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1`,
    ],
  ],
  [
    "a webhook at no host",
    byWebhook({ url: "x/y" }),
    [
      `${config}.url: Invalid value: "": ${onlyHttps}`,
      `${config}.url: Invalid value: "": host must be specified; ${form}`,
    ],
  ],
  [
    "a review version twice",
    byWebhook({ url: "https://x" }, "v1", "v1"),
    [`${at}.conversionReviewVersions[1]: Invalid value: "v1": duplicate version`],
  ],
  [
    "a webhook's service",
    byWebhook({ service: { name: "", namespace: "n", path: "/a//b", port: 0 } }),
    [
      `${config}.service.name: Required value: service name is required`,
      `${config}.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive`,
      `${config}.service.path: Invalid value: "/a//b": segment[1] may not be empty`,
    ],
  ],
];

suite("how a definition's versions are converted", () => {
  for (const [name, conversion, expected] of cases) {
    test(name, () => {
      const faults = new FaultList();
      checkConversion(conversion, at, faults, false);
      assert.deepEqual(faults.all.map(fieldErrorText), expected);
    });
  }
});
