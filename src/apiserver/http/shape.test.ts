import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StatusError } from "#api/meta/status.ts";
import {
  assertStreams,
  isHumanAgent,
  negotiateFailure,
  negotiatePlain,
  negotiateShape,
  type Wish,
} from "./shape.ts";
import { shapeDeps as deps } from "./testing/shapes.ts";

const protobuf = "application/vnd.kubernetes.protobuf";
const metadata = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const wish = (accept: string, query = "", isHuman = false): Wish => ({
  accept,
  query: new URLSearchParams(query),
  isHuman,
});

function orRefusal(run: () => string): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof StatusError) return `${error.code} ${error.message}`;
    throw error;
  }
}

/** "media type, shape". */
const outcome = (accept: string, hasProtobuf: boolean): string =>
  orRefusal(() => {
    const { accepted } = negotiateShape(wish(accept), deps, { hasProtobuf, hasTable: true });
    return `${accepted.mediaType} ${accepted.as}`;
  });

suite("what an answer looks like", () => {
  const none =
    "406 only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf";
  const cases: readonly (readonly [accept: string, builtIn: string, custom: string])[] = [
    ["", "application/json ", "application/json "],
    ["*/*", "application/json ", "application/json "],
    [protobuf, `${protobuf} `, none],
    [`${protobuf},application/json`, `${protobuf} `, "application/json "],
    ["application/yaml", "application/yaml ", "application/yaml "],
    [
      `${protobuf};${metadata},application/json;${metadata}`,
      `${protobuf} PartialObjectMetadataList`,
      `${protobuf} PartialObjectMetadataList`,
    ],
    [`${protobuf};as=Table;g=meta.k8s.io;v=v1,application/json`, "application/json ", "application/json "],
    ["text/html", none, none],
    ["text/html, application/xml;q=0.9, */*;q=0.8", "application/json ", "application/json "],
    ["application/yaml;q=0.5, application/json;q=0.4", "application/yaml ", "application/yaml "],
    ["*/*, application/yaml", "application/yaml ", "application/yaml "],
    ["*/*, application/yaml;q=0.1", "application/yaml ", "application/yaml "],
    ["application/*, application/yaml;q=0.1", "application/yaml ", "application/yaml "],
    ["*", "application/json ", "application/json "],
    ["application", none, none],
    ["Application/JSON", none, none],
    ["application/json;g=meta.k8s.io;v=v1", none, none],
    ["application/json;as=Table", none, none],
    ["application/json;as=;unknown=1", "application/json ", "application/json "],
    ["application/yaml;stream=watch, application/json", "application/json ", "application/json "],
    ["*/*;stream=watch", "application/json ", "application/json "],
    ["application/json;stream=other", none, none],
    ["application/json;sv=v1", "application/json ", "application/json "],
    ["application/json;sv=v2", none, none],
  ];
  for (const [accept, builtIn, custom] of cases) {
    test(`for "${accept}": built-in and custom resources`, () => {
      assert.equal(outcome(accept, true), builtIn);
      assert.equal(outcome(accept, false), custom);
    });
  }
});

suite("who gets it pretty", () => {
  const agents: readonly (readonly [agent: string, isHuman: boolean])[] = [
    ["curl/8.5.0", true],
    ["Wget/1.21", true],
    ["Mozilla/5.0 (X11)", true],
    ["Mozilla/4.0", false],
    ["libcurl/8", false],
    ["kubectl/v1.35.0", false],
    ["", false],
  ];
  for (const [agent, isHuman] of agents) {
    test(`${agent === "" ? "nobody" : agent} is ${isHuman ? "a person" : "a program"}`, () => {
      assert.equal(isHumanAgent(agent), isHuman);
    });
  }

  const cases: readonly (readonly [accept: string, query: string, isHuman: boolean, isPretty: boolean])[] = [
    ["", "", false, false],
    ["", "", true, true],
    ["application/json", "pretty=", true, true],
    ["application/json", "pretty=", false, false],
    ["application/json", "pretty=1", false, true],
    ["application/json", "pretty=T", false, true],
    ["application/json", "pretty=true", false, true],
    ["application/json", "pretty=yes", true, false],
    ["application/json", "pretty=0", true, false],
    ["application/json", "pretty=false", true, false],
    ["application/json;pretty=1", "pretty=0", false, true],
    ["application/json;pretty=true", "", false, false],
  ];
  for (const [accept, query, isHuman, isPretty] of cases) {
    test(`"${accept}" ?${query} ${isHuman ? "of a person" : ""}: ${isPretty ? "pretty" : "not"}`, () => {
      const asked = wish(accept, query, isHuman);
      const shapes = [
        negotiateShape(asked, deps),
        negotiatePlain(asked, deps),
        negotiateFailure(asked, deps),
      ];
      for (const { accepted } of shapes) assert.equal(accepted.isPretty, isPretty);
    });
  }
});

test("a failure is told to who takes nothing we have, and never as a table", () => {
  const outcomes = ["text/html", "application/json;as=Table;g=meta.k8s.io;v=v1", "application/yaml"].map(
    (accept) => {
      const { accepted } = negotiateFailure(wish(accept), deps);
      return [accepted.mediaType, accepted.as, accepted.isPretty];
    },
  );
  assert.deepEqual(outcomes, [
    ["application/json", "", true],
    ["application/json", "", true],
    ["application/yaml", "", false],
  ]);
});

const watched = (accept: string): string =>
  orRefusal(() => {
    const shape = negotiateShape(wish(accept), deps);
    assertStreams(shape);
    return shape.contentType(true);
  });

test("YAML has no stream", () => {
  const none =
    "406 only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
  assert.equal(watched("application/yaml"), none);
  assert.equal(watched("application/yaml, application/json"), none);
  assert.equal(watched("application/yaml;stream=watch, application/json"), "application/json");
  assert.equal(watched("application/json;stream=watch"), "application/json");
  assert.equal(watched(`${protobuf};stream=watch`), `${protobuf};stream=watch`);
});
