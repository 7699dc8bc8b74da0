/** Definitions as generators write them, before anybody fills in the certificate. upstream: apiextensions-apiserver/test/integration/ca_bundle_test.go */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import { StatusError } from "#api/meta/status.ts";
import { customResourceDefinitions, namespaces } from "#api/resources.ts";
import { startHookServer } from "#apiserver/admission/testing/hook-server.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { findCondition } from "./conditions.ts";
import { conditionOf, isEstablished, version, widgetDefinition, widgets } from "./testing/widgets.ts";

const convertedWith = (caBundle: string): CustomResourceDefinition =>
  widgetDefinition([version("v1")], {
    conversion: {
      strategy: "Webhook",
      webhook: {
        clientConfig: { url: "https://localhost/convert", caBundle },
        conversionReviewVersions: ["v1"],
      },
    },
  });

test("a definition whose webhook nobody could trust isn't served until there is a certificate", async () => {
  await using server = await startTestApiserver();
  await using hooks = await startHookServer({});
  const client = server.client();
  const definitions = client.resource(customResourceDefinitions);
  await client.resource(namespaces).create({ metadata: { name: "default" } });
  await definitions.create(convertedWith(Buffer.from("\n").toString("base64")));
  await conditionOf(client, "widgets.example.com", (crd) => {
    const { status, reason, message } = (crd && findCondition(crd, "Established")) ?? {};
    return (
      `${status} ${reason} ${message}` === "False InvalidCABundle The conversion webhook CABundle is invalid"
    );
  });
  const list = (): Promise<unknown> => client.resource(widgets, "default").list();
  await assert.rejects(list(), (error) => error instanceof StatusError && error.status.code === 404);

  const { spec } = convertedWith(hooks.caBundle);
  await definitions.patch("widgets.example.com", "merge", { spec: { conversion: spec.conversion } });
  await conditionOf(client, "widgets.example.com", isEstablished);
  await list();
});

test("one certificate is enough, whatever stands beside it", async () => {
  await using server = await startTestApiserver();
  await using hooks = await startHookServer({});
  const client = server.client();
  const none = "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n";
  const bundle = none + Buffer.from(hooks.caBundle, "base64").toString("latin1");
  await client
    .resource(customResourceDefinitions)
    .create(convertedWith(Buffer.from(bundle).toString("base64")));
  await conditionOf(client, "widgets.example.com", isEstablished);
});
