import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
} from "../generated/types/admissionregistration-v1.ts";
import { fieldErrorText } from "../meta/field-error.ts";
import { createTypeTable } from "../schema/table.ts";
import { createScheme } from "../scheme.ts";
import { Validator } from "../validation.ts";

const validator = new Validator({ scheme: createScheme(), table: createTypeTable() });
const gvk = { group: "admissionregistration.k8s.io", version: "v1", kind: "MutatingWebhookConfiguration" };

const good: MutatingWebhook = {
  name: "a.example.com",
  clientConfig: { url: "https://example.com" },
  rules: [{ operations: ["*"], apiGroups: ["a"], apiVersions: ["a"], resources: ["a"] }],
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
};

const configuration = (...webhooks: Partial<MutatingWebhook>[]): MutatingWebhookConfiguration => ({
  metadata: { name: "config" },
  webhooks: webhooks.map((webhook) => ({ ...good, ...webhook })),
});

const rule = (more: object): Partial<MutatingWebhook> => ({ rules: [{ ...good.rules?.[0], ...more }] });
const service = (more: object): Partial<MutatingWebhook> => ({
  clientConfig: { service: { namespace: "ns", name: "n", port: 443, ...more } },
});

suite("a webhook configuration", () => {
  const cases: [string, MutatingWebhookConfiguration, readonly string[]][] = [
    ["is fine", configuration({}), []],
    [
      "has a short name",
      configuration({ name: "a.b" }),
      [
        'webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots',
      ],
    ],
    ["has no name", configuration({ name: "" }), ["webhooks[0].name: Required value"]],
    ["names two alike", configuration({}, {}), ['webhooks[1].name: Duplicate value: "a.example.com"']],
    [
      "has no review version",
      configuration({ admissionReviewVersions: [] }),
      ["webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1"],
    ],
    [
      "has only unknown review versions",
      configuration({ admissionReviewVersions: ["v9"] }),
      [
        'webhooks[0].admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
      ],
    ],
    [
      "has a review version twice",
      configuration({ admissionReviewVersions: ["v1", "v1"] }),
      ['webhooks[0].admissionReviewVersions[1]: Invalid value: "v1": duplicate version'],
    ],
    [
      "has side effects",
      configuration({ sideEffects: "Some" }),
      ['webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"'],
    ],
    [
      "has nothing for side effects",
      configuration({ sideEffects: "" }),
      ['webhooks[0].sideEffects: Unsupported value: "": supported values: "None", "NoneOnDryRun"'],
    ],
    [
      "has a policy that isn't",
      configuration({ failurePolicy: "other" }),
      ['webhooks[0].failurePolicy: Unsupported value: "other": supported values: "Fail", "Ignore"'],
    ],
    [
      "waits too long",
      configuration({ timeoutSeconds: 31 }),
      ["webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"],
    ],
    [
      "leads nowhere",
      configuration({ clientConfig: {} }),
      ["webhooks[0].clientConfig: Required value: exactly one of url or service is required"],
    ],
    [
      "leads to a bad URL",
      configuration({ clientConfig: { url: "http://user@example.com/?a=b#c" } }),
      [
        `webhooks[0].clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
        'webhooks[0].clientConfig.url: Invalid value: "user": user information is not permitted in the URL',
        'webhooks[0].clientConfig.url: Invalid value: "c": fragments are not permitted in the URL',
        'webhooks[0].clientConfig.url: Invalid value: "a=b": query parameters are not permitted in the URL',
      ],
    ],
    [
      "leads to no host",
      configuration({ clientConfig: { url: "https:///fancy" } }),
      [
        'webhooks[0].clientConfig.url: Invalid value: "": host must be specified; desired format: https://host[/path]',
      ],
    ],
    ...(
      [
        ["https://a\n", "net/url: invalid control character in URL"],
        ["://a", "missing protocol scheme"],
        ["1a:b/c", "first path segment in URL cannot contain colon"],
        ["https://[::1/a", "missing ']' in host"],
        ["https://a:b/", 'invalid port ":b" after host'],
        ["https://a/%zz", 'invalid URL escape "%zz"'],
      ] as const
    ).map(([url, fault]): [string, MutatingWebhookConfiguration, string[]] => [
      `leads to ${JSON.stringify(url)}`,
      configuration({ clientConfig: { url } }),
      [
        `webhooks[0].clientConfig.url: Required value: url must be a valid URL: parse ${JSON.stringify(url)}: ${fault}; desired format: https://host[/path]`,
      ],
    ]),
    [
      "leads to a service without a name",
      configuration(service({ name: "", namespace: "" })),
      [
        "webhooks[0].clientConfig.service.name: Required value: service name is required",
        "webhooks[0].clientConfig.service.namespace: Required value: service namespace is required",
      ],
    ],
    [
      "leads to a port that isn't",
      configuration(service({ port: 0 })),
      [
        "webhooks[0].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
      ],
    ],
    [
      "leads to a path without a slash",
      configuration(service({ path: "foo/" })),
      [`webhooks[0].clientConfig.service.path: Invalid value: "foo/": must start with a '/'`],
    ],
    [
      "leads to a path with a hole",
      configuration(service({ path: "/apis//x" })),
      ['webhooks[0].clientConfig.service.path: Invalid value: "/apis//x": segment[1] may not be empty'],
    ],
    [
      "has no operations",
      configuration(rule({ operations: [] })),
      ["webhooks[0].rules[0].operations: Required value"],
    ],
    [
      "has a star among operations",
      configuration(rule({ operations: ["CREATE", "*"] })),
      [
        `webhooks[0].rules[0].operations: Invalid value: ["CREATE","*"]: if '*' is present, must not specify other operations`,
      ],
    ],
    [
      "has an operation that isn't",
      configuration(rule({ operations: ["PATCH"] })),
      [
        'webhooks[0].rules[0].operations[0]: Unsupported value: "PATCH": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
      ],
    ],
    [
      "has a star among resources",
      configuration(rule({ resources: ["*", "a"] })),
      [
        `webhooks[0].rules[0].resources: Invalid value: ["*","a"]: if '*' is present, must not specify other resources without subresources`,
      ],
    ],
    [
      "names a subresource besides all",
      configuration(rule({ resources: ["a/*", "a/x"] })),
      [`webhooks[0].rules[0].resources[1]: Invalid value: "a/x": if 'a/*' is present, must not specify a/x`],
    ],
    [
      "names a resource besides all",
      configuration(rule({ resources: ["*/a", "x/a"] })),
      [`webhooks[0].rules[0].resources[1]: Invalid value: "x/a": if '*/a' is present, must not specify x/a`],
    ],
    [
      "names something besides everything",
      configuration(rule({ resources: ["*/*", "a"] })),
      [
        `webhooks[0].rules[0].resources: Invalid value: ["*/*","a"]: if '*/*' is present, must not specify other resources`,
      ],
    ],
    [
      "has a condition without anything",
      configuration({ matchConditions: [{ name: "", expression: "" }] }),
      [
        "webhooks[0].matchConditions[0].expression: Required value",
        "webhooks[0].matchConditions[0].name: Required value",
      ],
    ],
  ];
  for (const [name, object, expected] of cases) {
    test(name, () => {
      assert.deepEqual(validator.create(gvk, object).map(fieldErrorText), expected);
    });
  }

  test("may keep the side effects it had, but not get them", () => {
    const before = configuration({ sideEffects: "Some" });
    const after = { ...before, metadata: { name: "config", resourceVersion: "1" } };
    const old = (object: MutatingWebhookConfiguration): MutatingWebhookConfiguration => ({
      ...object,
      metadata: after.metadata,
    });
    assert.deepEqual(validator.update(gvk, after, old(before)).map(fieldErrorText), []);
    assert.equal(validator.update(gvk, after, old(configuration({}))).length, 1);
  });

  test("may keep the conditions it had, until one of them changes", () => {
    const metadata = { name: "config", resourceVersion: "1" };
    const having = (...names: readonly string[]): MutatingWebhookConfiguration => ({
      ...configuration({ matchConditions: names.map((name) => ({ name, expression: "true" })) }),
      metadata,
    });
    const bad = having("a", "a");
    assert.deepEqual(validator.update(gvk, bad, bad), []);
    assert.deepEqual(validator.update(gvk, having("a", "a", "b"), bad).map(fieldErrorText), [
      'webhooks[0].matchConditions[1].name: Duplicate value: "a"',
    ]);
  });
});
