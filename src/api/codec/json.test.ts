import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createTypeTable } from "../schema/table.ts";
import { decodeAny, JsonDecoder } from "./json.ts";
import { parseJson, survey } from "./json-text.ts";
import { JsonMap, nodeAt, treeOfText } from "./json-tree.ts";

const table = createTypeTable();
const decoder = new JsonDecoder(table);
const core = "io.k8s.api.core.v1";
const deployment = "io.k8s.api.apps.v1.Deployment";

const objectOf = (value: unknown, struct: string): unknown =>
  decoder.decode(JSON.stringify(value), struct).object;

suite("what Go refuses, in its words", () => {
  const cases: readonly [text: string, struct: string, message: string][] = [
    [
      '{"spec":{"replicas":"3"}}',
      deployment,
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      '{"spec":{"replicas":1.5}}',
      deployment,
      "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      '{"spec":{"replicas":99999999999}}',
      deployment,
      "json: cannot unmarshal number 99999999999 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    ...["1.0", "1e3", "-2E0", "1.50", "9223372036854775808"].map((text): [string, string, string] => [
      `{"spec":{"replicas":${text},"replicas2":1.5}}`,
      deployment,
      `json: cannot unmarshal number ${text} into Go struct field DeploymentSpec.spec.replicas of type int32`,
    ]),
    [
      '{"status":{"observedGeneration":9223372036854775808}}',
      deployment,
      "json: cannot unmarshal number 9223372036854775808 into Go struct field DeploymentStatus.status.observedGeneration of type int64",
    ],
    [
      '{"spec":{"replicas":9007199254740993}}',
      deployment,
      "json: cannot unmarshal number 9007199254740993 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      '{"spec":{"versions":[{"schema":{"openAPIV3Schema":{"maximum":1e999}}}]}}',
      "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
      "json: cannot unmarshal number 1e999 into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.maximum of type float64",
    ],
    [
      '{"metadata":{"labels":{"a":9007199254740993}}}',
      deployment,
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [
      '{"spec":{"template":{"spec":{"containers":[{"args":[1]}]}}}}',
      deployment,
      "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.args of type string",
    ],
    [
      '{"spec":{"template":{"spec":{"containers":{}}}}}',
      deployment,
      "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
    ],
    [
      '{"metadata":{"labels":{"a":1}}}',
      deployment,
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [
      '{"metadata":{"labels":["a"]}}',
      deployment,
      "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
    ],
    [
      '{"spec":{"template":"x"}}',
      deployment,
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec",
    ],
    [
      '{"spec":{"strategy":{"type":1}}}',
      deployment,
      "json: cannot unmarshal number into Go struct field DeploymentStrategy.spec.strategy.type of type v1.DeploymentStrategyType",
    ],
    [
      '{"spec":{"accessModes":"ReadWriteOnce"}}',
      `${core}.PersistentVolumeClaim`,
      "json: cannot unmarshal string into Go struct field PersistentVolumeClaimSpec.spec.accessModes of type []v1.PersistentVolumeAccessMode",
    ],
    [
      '{"spec":{"hard":["pods"]}}',
      `${core}.ResourceQuota`,
      "json: cannot unmarshal array into Go struct field ResourceQuotaSpec.spec.hard of type v1.ResourceList",
    ],
    ["[]", deployment, "json: cannot unmarshal array into Go value of type v1.Deployment"],
    [
      '{"metadata":{"name":true}}',
      deployment,
      "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string",
    ],
    ['{"data":{"a":"%"}}', `${core}.Secret`, "illegal base64 data at input byte 0"],
    ['{"data":{"a":"YWJj!"}}', `${core}.Secret`, "illegal base64 data at input byte 4"],
    [
      '{"spec":{"capacity":{"storage":"lots"}}}',
      `${core}.PersistentVolume`,
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      '{"metadata":{"creationTimestamp":"yesterday"}}',
      deployment,
      'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    ],
    [
      '{"metadata":{"creationTimestamp":"2025-02-30T00:00:00Z"}}',
      deployment,
      'parsing time "2025-02-30T00:00:00Z": day out of range',
    ],
    [
      '{"spec":{"renewTime":"2025-01-01T00:00:00.123Z"}}',
      "io.k8s.api.coordination.v1.Lease",
      'parsing time "2025-01-01T00:00:00.123Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse ".123Z" as ".000000"',
    ],
    [
      '{"spec":{"ports":[{"targetPort":[]}]}}',
      `${core}.Service`,
      "json: cannot unmarshal array into Go struct field ServicePort.spec.ports.targetPort of type int32",
    ],
    ['{"a', deployment, "unexpected end of JSON input"],
    ['{"a":}', deployment, "invalid character '}' looking for beginning of value"],
    ["{'a':1}", deployment, "invalid character '\\'' looking for beginning of object key string"],
    ['{"a":tru}', deployment, "invalid character '}' in literal true (expecting 'e')"],
    ['{"a":1}x', deployment, "invalid character 'x' after top-level value"],
    ['{"a":[1 2]}', deployment, "invalid character '2' after array element"],
  ];
  for (const [text, struct, message] of cases) {
    test(`${text} is refused`, () => {
      assert.throws(() => decoder.decode(text, struct), { name: "DecodeError", message });
    });
  }
});

suite("strict faults", () => {
  const cases: readonly [text: string, faults: readonly string[]][] = [
    ['{"spec":{"replicas":1}}', []],
    ['{"spec":{"foo":1}}', ['unknown field "spec.foo"']],
    ['{"spec":{"foo":{"a":{"b":[{"c":1}]}},"replicas":1}}', ['unknown field "spec.foo"']],
    ['{"spec":{"replicas":1,"replicas":2}}', ['duplicate field "spec.replicas"']],
    [
      '{"spec":{"template":{"spec":{"containers":[{"name":"a","nmae":"b"}]}}}}',
      ['unknown field "spec.template.spec.containers[0].nmae"'],
    ],
    ['{"metadata":{"labels":{"a.b/c":"1","a.b/c":"2"}}}', ['duplicate field "metadata.labels.a.b/c"']],
    ['{"Spec":{},"spec":{}}', ['unknown field "Spec"']],
    ['{"a":1,"a":2}', ['unknown field "a"']],
    ['{"metadata":{"annotations":{"x":"a:\\"b\\\\"}}}', []],
  ];
  for (const [text, faults] of cases) {
    test(`${text} has ${faults.length} faults`, () => {
      assert.deepEqual(decoder.decode(text, deployment).strictFaults, faults);
    });
  }

  test("at most 100 are reported", () => {
    const spec = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`x${index}`, index]));
    assert.equal(decoder.decode(JSON.stringify({ spec }), deployment).strictFaults.length, 100);
  });
});

suite("what Go would write back", () => {
  const cases: readonly [name: string, input: unknown, struct: string, expected: unknown][] = [
    [
      "null is absent, and zero values that may be omitted are dropped",
      {
        kind: "Pod",
        metadata: { name: "a", creationTimestamp: null, labels: {} },
        spec: { hostNetwork: false, nodeName: "", nodeSelector: { a: "b" } },
      },
      `${core}.Pod`,
      { kind: "Pod", metadata: { name: "a" }, spec: { containers: [], nodeSelector: { a: "b" } } },
    ],
    [
      "a struct that Go holds by value is absent when all of it is zero, and what clients see of such",
      {
        spec: { containers: [], hostNetwork: false },
        status: { conditions: [{ type: "Ready", status: "True", lastProbeTime: null }] },
      },
      `${core}.Pod`,
      { status: { conditions: [{ type: "Ready", status: "True" }] } },
    ],
    [
      "quantities and numbers that are held by value",
      {
        spec: {
          containers: [
            {
              name: "a",
              livenessProbe: { tcpSocket: {} },
              env: [{ name: "e", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "0" } } }],
            },
          ],
        },
      },
      `${core}.Pod`,
      {
        spec: {
          containers: [
            {
              name: "a",
              livenessProbe: { tcpSocket: { port: 0 } },
              env: [{ name: "e", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } }],
            },
          ],
        },
      },
    ],
    [
      "zero behind a pointer stays",
      { spec: { replicas: 0, selector: { matchLabels: { a: "b" } } } },
      deployment,
      { spec: { replicas: 0, selector: { matchLabels: { a: "b" } }, template: {} } },
    ],
    [
      "required fields get their zero value",
      { spec: { containers: [{ ports: [{}] }] } },
      `${core}.Pod`,
      { spec: { containers: [{ name: "", ports: [{ containerPort: 0 }] }] } },
    ],
    [
      "numbers are taken for quantities",
      { spec: { capacity: { storage: 5 } } },
      `${core}.PersistentVolume`,
      { spec: { capacity: { storage: "5" } } },
    ],
    [
      "times are UTC and whole seconds",
      { metadata: { creationTimestamp: "2025-01-01T01:00:00.5+01:00" } },
      `${core}.ConfigMap`,
      { metadata: { creationTimestamp: "2025-01-01T00:00:00Z" } },
    ],
    [
      "years may have more than four digits in UTC",
      { spec: { renewTime: "9999-12-31T23:59:59.123456-01:00" } },
      "io.k8s.api.coordination.v1.Lease",
      { spec: { renewTime: "10000-01-01T00:59:59.123456Z" } },
    ],
    [
      "micro times have six digits",
      { spec: { renewTime: "2025-01-01T01:00:00,123456+01:00" } },
      "io.k8s.api.coordination.v1.Lease",
      { spec: { renewTime: "2025-01-01T00:00:00.123456Z" } },
    ],
    [
      "null in a list is the zero value",
      { spec: { containers: [null, { name: "a", args: [null, "b"] }] } },
      `${core}.Pod`,
      { spec: { containers: [{ name: "" }, { name: "a", args: ["", "b"] }] } },
    ],
    [
      "raw JSON is kept as it is",
      { kind: "ControllerRevision", data: { a: null, b: [1, {}] }, revision: 3 },
      "io.k8s.api.apps.v1.ControllerRevision",
      { kind: "ControllerRevision", data: { a: null, b: [1, {}] }, revision: 3 },
    ],
    [
      "wrapped lists in maps",
      { spec: { extra: { scopes: ["a", "b"] } } },
      "io.k8s.api.authorization.v1.SubjectAccessReview",
      { spec: { extra: { scopes: ["a", "b"] } } },
    ],
  ];
  for (const [name, input, struct, expected] of cases) {
    test(name, () => {
      assert.deepEqual(objectOf(input, struct), expected);
    });
  }

  test("schemas take all their forms", () => {
    const schema = {
      type: "object",
      properties: {
        list: { type: "array", items: { type: "string" } },
        tuple: { items: [{ type: "string" }, { type: "integer" }] },
        open: { additionalProperties: true },
        map: { additionalProperties: { type: "string", default: null } },
      },
      "x-kubernetes-validations": [{ rule: "true" }],
    };
    const struct = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceValidation";
    const expected = structuredClone(schema);
    Reflect.deleteProperty(expected.properties.map.additionalProperties, "default");
    assert.deepEqual(objectOf({ openAPIV3Schema: schema }, struct), { openAPIV3Schema: expected });
  });

  test("a key named __proto__ is a key", () => {
    const { object } = decoder.decode('{"data":{"__proto__":"x"}}', `${core}.ConfigMap`);
    assert.deepEqual(Object.keys((object as { data: object }).data), ["__proto__"]);
    assert.equal(Object.getPrototypeOf((object as { data: object }).data), Object.prototype);
  });

  test("fields come in the struct's order", () => {
    const { object } = decoder.fromValue(
      { spec: { nodeName: "n" }, metadata: { name: "a" }, kind: "Pod", apiVersion: "v1" },
      `${core}.Pod`,
    );
    assert.deepEqual(Object.keys(object), ["kind", "apiVersion", "metadata", "spec"]);
  });

  test("decoding twice changes nothing more", () => {
    const once = objectOf(
      { spec: { containers: [{ name: "a", resources: { limits: { cpu: 1 } } }] } },
      `${core}.Pod`,
    );
    assert.deepEqual(objectOf(once, `${core}.Pod`), once);
  });
});

suite("texts", () => {
  test("any object: duplicates are found, nothing is unknown", () => {
    assert.deepEqual(decodeAny('{"a":{"b":1,"b":2}}').strictFaults, ['duplicate field "a.b"']);
    assert.deepEqual(decodeAny('{"a":{"b":1}}').object, { a: { b: 1 } });
    assert.throws(() => decodeAny("3"), { message: /cannot unmarshal number/ });
  });

  test("any object: a number that is too large for a float64 is refused, not infinite", () => {
    for (const [number, text] of [
      ["1e999", '{"a":[1.5,{"b":1e999}],"c":-1e999}'],
      ["-1e400", '{"d":-1e400}'],
      ["9".repeat(400), `{"e":${"9".repeat(400)}}`],
    ] as const) {
      const message = `json: cannot unmarshal number ${number} into Go value of type float64`;
      assert.throws(() => decodeAny(text), { message });
    }
    assert.deepEqual(decodeAny('{"a":1e308}').object, { a: 1e308 });
  });

  test("keys are counted outside of strings only", () => {
    assert.equal(survey('{"a:b":":\\":","c":{"d":[":"]}}').keys, 3);
    assert.equal(survey('{"a\\\\":1}').keys, 1);
  });

  test("fractions are told from words and texts, and every number's own text can be had", () => {
    const whole = '{"a.b":[true,false,1,"1.5",{"1e5":-2}],"e":"1e3"}';
    assert.equal(survey(whole).hasFractions, false);
    for (const number of ["1.0", "1e3", "-1E-3"]) assert.equal(survey(`[true,${number}]`).hasFractions, true);
    const tree = treeOfText('{"a":[1.0,{"b":1E+2,"x":{"y":[true]}},{"b":3}],"c":-0,"d":{"e":{}},"c":4e1}');
    for (const [path, number] of [
      [["a", 0], "1.0"],
      [["a", 1, "b"], "1E+2"],
      [["a", 2, "b"], "3"],
      [["c"], "4e1"],
      [["d", "e"], new JsonMap([])],
      [["d", "f"], undefined],
    ] as const) {
      assert.deepEqual(nodeAt(tree, path), number);
    }
  });

  test("numbers behind a long key don't each take as much memory as it", () => {
    const text = `{"metadata":{"generation":1.50},"${"k".repeat(200_000)}":[${"1,".repeat(200_000)}1]}`;
    assert.throws(() => decoder.decode(text, "io.k8s.api.core.v1.ConfigMap"), {
      message: /^json: cannot unmarshal number 1\.50 into Go struct field ObjectMeta\.metadata\.generation/,
    });
  });

  test("duplicates within lists have an index", () => {
    const text = '{"a":[{"b":1},{"b":1,"b":2,"b":3}]}';
    assert.deepEqual(decodeAny(text).strictFaults, ['duplicate field "a[1].b"']);
  });

  test("deep nesting is refused with words, not with a broken stack", () => {
    const deep = `{"data":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
    assert.throws(() => treeOfText(deep), { message: "invalid character '[' exceeded max depth" });
    assert.throws(() => decoder.decode(deep, "io.k8s.api.apps.v1.ControllerRevision"), {
      message: "invalid character '[' exceeded max depth",
    });
  });

  test("parseJson passes valid text through", () => {
    assert.deepEqual(parseJson(' {"a":[1,true,null,"\\u0041"]} '), { a: [1, true, null, "A"] });
  });
});
