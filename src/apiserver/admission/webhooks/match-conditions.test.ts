import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ValidatingWebhookConfiguration } from "#api/generated/types/admissionregistration-v1.ts";
import { configMaps, validatingWebhookConfigurations } from "#api/resources.ts";
import { allow, hookWorld, map, type HookSettings } from "../testing/hook-world.ts";

const when = (...expressions: string[]): HookSettings => ({
  matchConditions: expressions.map((expression, index) => ({ name: `c${index}`, expression })),
});

suite("match conditions", () => {
  const cases: [string, HookSettings, number, string | undefined][] = [
    ["hold", when("object.metadata.name == 'a'", "request.operation == 'CREATE'"), 1, undefined],
    ["don't hold", when("object.metadata.name != 'a'"), 0, undefined],
    ["look at the user", when("request.userInfo.username == 'alice' && !request.dryRun"), 1, undefined],
    ["look at what was before", when("oldObject == null"), 1, undefined],
    [
      "ask the authorizer",
      when("authorizer.group('').resource('configmaps').check('bless').allowed()"),
      1,
      undefined,
    ],
    ["ask it about the request", when("authorizer.requestResource.check('curse').allowed()"), 0, undefined],
    ["one that doesn't hold outweighs one that fails", when("object.none == 1", "false"), 0, undefined],
    [
      "fail, and nothing may pass so",
      when("object.none == 1"),
      0,
      `403 configmaps "a" is forbidden: expression 'object.none == 1' resulted in error: no such key: none`,
    ],
    [
      "fail, and the webhook is left alone",
      { ...when("object.none == 1"), failurePolicy: "Ignore" },
      0,
      undefined,
    ],
  ];
  for (const [name, settings, calls, fault] of cases) {
    test(name, async () => {
      await hookWorld({ "/hook": allow }, { validating: [settings] }, async ({ ask, server }) => {
        assert.equal(await ask(configMaps, { object: map("a") }), fault);
        assert.equal(server.requests.length, calls);
      });
    });
  }

  test("that can't be understood are refused, but may stay once they are there", async () => {
    await hookWorld({ "/hook": allow }, {}, async ({ ask }) => {
      const object: ValidatingWebhookConfiguration = {
        metadata: { name: "x" },
        webhooks: [
          {
            name: "a.b.c",
            clientConfig: {},
            sideEffects: "None",
            admissionReviewVersions: ["v1"],
            ...when(
              "object.name ==",
              "1 + 1",
              "request.uid == ''",
              "request.kind == 'Pod'",
              "object.spec.flag",
            ),
          },
        ],
      };
      const named = { object };
      const said = (await ask(validatingWebhookConfigurations, named)) ?? "";
      const faults: readonly string[] = [
        '"object.name ==": compilation failed: ERROR: <input>:1:15: Syntax error: ',
        '"1 + 1": must evaluate to bool but got int',
        `"request.uid == ''": compilation failed: ERROR: <input>:1:8: undefined field 'uid'`,
        `"request.kind == 'Pod'": compilation failed: ERROR: <input>:1:14: found no matching overload for '_==_'`,
        '"object.spec.flag": must evaluate to bool but got dyn',
      ];
      for (const [index, fault] of faults.entries()) {
        const field = `webhooks[0].matchConditions[${index}].expression`;
        assert.ok(said.includes(`${field}: Invalid value: ${fault}`), `${fault} in ${said}`);
      }
      assert.equal(
        await ask(validatingWebhookConfigurations, { operation: "UPDATE", object, oldObject: object }),
        undefined,
      );
    });
  });
});
