/** The texts of the API as scripts/descriptions.ts makes them, of packages written here in their packages' form. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { descriptionTable } from "../scripts/generate/descriptions.ts";
import { docComments } from "../scripts/generate/doc-comments.ts";
import { modelTexts, releaseTexts, type TextSource } from "../scripts/generate/text-packages.ts";

const core = "io.k8s.api.core.v1";

const comment = (indent: string, text: string): string =>
  [`${indent}/**`, ...text.split("\n").map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`].join(
    "\n",
  );

test("comments go by the declaration and the member that they stand before", () => {
  const source = [
    "export declare namespace core {",
    "    namespace v1 {",
    comment("        ", "A pod."),
    "        interface Pod {",
    comment("            ", "What is wanted.\n\n  - indented"),
    "            spec?: pulumi.Input<inputs.core.v1.PodSpec>;",
    "            status?: {",
    comment("                ", "Lies deeper."),
    "                deeper: string;",
    "            };",
    comment("            ", "Quoted."),
    '            "x-y"?: string;',
    comment("            ", "Not of a member."),
    "            constructor(name: string);",
    "        }",
    "        interface Other {",
    "        }",
    "    }",
    "}",
  ].join("\n");
  assert.deepEqual(Object.fromEntries(docComments(source)), {
    "core.v1.Pod": { "": "A pod.", spec: "What is wanted.\n\n  - indented", "x-y": "Quoted." },
    "core.v1.Other": {},
  });
});

const none: TextSource = () => undefined;
const only =
  (struct: string, texts: Readonly<Record<string, string>>): TextSource =>
  (name) =>
    name === struct ? texts : undefined;

suite("packages", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "mini-k8s-texts-"));
    const put = (path: string, lines: readonly string[]): void => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), lines.join("\n"));
    };
    put("release/types/input.d.ts", [
      "export declare namespace core {",
      "    namespace v1 {",
      comment("        ", "A pod.\n\nThis resource waits until its status is ready\nfor create."),
      "        interface Pod {",
      comment("            ", "All of *&#47;*."),
      "            x_kubernetes_word?: pulumi.Input<string>;",
      "        }",
      "    }",
      "}",
    ]);
    put("release/core/v1/podList.d.ts", [
      "export declare class PodList extends pulumi.CustomResource {",
      comment("    ", "The pods."),
      "    readonly items: pulumi.Output<outputs.core.v1.Pod[]>;",
      "}",
    ]);
    put("models/v1/PodSpec.d.ts", [
      comment("", "A spec."),
      "export interface IPodSpec {",
      comment("    ", String.raw`All of \*\/\*.`),
      '    "hostPID"?: boolean;',
      "}",
      "export declare class PodSpec extends Model<IPodSpec> implements IPodSpec {",
      "}",
      "export type { IPodSpec as IIoK8sApiCoreV1PodSpec, PodSpec as IoK8sApiCoreV1PodSpec };",
    ]);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("of the release: structs by group and version, lists by their classes, without what is its authors' own", () => {
    const texts = releaseTexts(join(folder, "release"));
    assert.deepEqual(texts(`${core}.Pod`), { "": "A pod.", "x-kubernetes-word": "All of */*." });
    assert.deepEqual(texts(`${core}.PodList`), { items: "The pods." });
    assert.equal(texts("io.k8s.api.apps.v1.Pod"), undefined);
  });

  test("of the models: structs by their whole name", () => {
    const texts = modelTexts([join(folder, "models")]);
    assert.deepEqual(texts(`${core}.PodSpec`), { "": "A spec.", hostPID: "All of */*." });
    assert.equal(texts(`${core}.Pod`), undefined);
  });
});

suite("the table", () => {
  test("the release's word is the one, and what it doesn't have is another's", () => {
    const table = descriptionTable({
      release: only(`${core}.PodSpec`, { nodeName: "Which node." }),
      models: only(`${core}.PodSpec`, { "": "A spec.", nodeName: "Another word.", hostname: "Its name." }),
    });
    assert.deepEqual(table, {
      [`${core}.PodSpec`]: { "": "A spec.", nodeName: "Which node.", hostname: "Its name." },
    });
  });

  test("the values of an enum follow, those that there are, with what is known of each", () => {
    const values =
      'Possible enum values:\n - `"Always"` comes first.\n - `"Sometimes"` is of another release.';
    const table = descriptionTable({
      release: only(`${core}.PodSpec`, { restartPolicy: "When." }),
      models: only(`${core}.PodSpec`, { restartPolicy: `Whenever.\n\n${values}` }),
    });
    assert.equal(
      table[`${core}.PodSpec`]?.["restartPolicy"],
      'When.\n\nPossible enum values:\n - `"Always"` comes first.\n - `"Never"`\n - `"OnFailure"`',
    );
  });

  test("values that a field's list takes are not told, those of its own validation are", () => {
    const table = descriptionTable({
      release: (name) =>
        ({
          [`${core}.ServiceSpec`]: { ipFamilies: "Which." },
          "io.k8s.api.networking.v1.HTTPIngressPath": { pathType: "How." },
        })[name],
      models: none,
    });
    assert.equal(table[`${core}.ServiceSpec`]?.["ipFamilies"], "Which.");
    assert.equal(
      table["io.k8s.api.networking.v1.HTTPIngressPath"]?.["pathType"],
      'How.\n\nPossible enum values:\n - `"Exact"`\n - `"ImplementationSpecific"`\n - `"Prefix"`',
    );
  });

  test("a version before the stable one has the stable one's words, and every kind says the same of itself", () => {
    const table = descriptionTable({
      release: only(`${core}.Pod`, { apiVersion: "Which version.", kind: "Which kind." }),
      models: only("io.k8s.api.storage.v1.VolumeAttributesClass", { driverName: "Whose." }),
    });
    assert.deepEqual(table["io.k8s.api.storage.v1beta1.VolumeAttributesClass"], {
      apiVersion: "Which version.",
      driverName: "Whose.",
      kind: "Which kind.",
    });
  });

  test("what isn't a struct with fields has its text, too", () => {
    const time = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
    assert.deepEqual(descriptionTable({ release: none, models: only(time, { "": "When." }) }), {
      [time]: { "": "When." },
    });
  });
});
