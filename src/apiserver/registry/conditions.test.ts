/** What clients demand of objects that they write, and what upstream says where it isn't so. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import type { AdmissionAttributes } from "#apiserver/admission/admission.ts";
import { merge, post, put, remove } from "#testing/answers.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";

const core = "/api/v1/namespaces/default";
const apps = "/apis/apps/v1/namespaces/default/deployments";
const coordination = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const labels = { a: "b" };
const deployment = {
  metadata: { name: "d" },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } },
  },
};
const kept = (key: string, uid: string, asked = "x"): string =>
  `StorageError: invalid object, Code: 4, Key: /registry/${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${asked}, UID in object meta: ${uid}`;
const bad = (uid: string): string =>
  `Precondition failed: UID in precondition: x, UID in object meta: ${uid}`;
const fixed = 'is invalid: metadata.uid: Invalid value: "x": field is immutable';
const recreated = (uid: string): string =>
  `the UID in the precondition (x) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;

const revised = (name: string, resourceVersion: string, label = "b"): object => ({
  metadata: { name, resourceVersion, labels: { a: label } },
});
const x = { metadata: { uid: "x" } };
const [cm, dep, ns] = [`${core}/configmaps/c`, `${apps}/d`, "/api/v1/namespaces/n"] as const;
const pod = `${core}/pods/p`;
const gone = `${core}/configmaps/gone`;

/** The request, where, its body, the code, and what is said; U stands for the object's UID. */
type Case = readonly [verb: keyof typeof verbs, path: string, body: object, code: number, said: string];

const verbs = { post, put, merge, delete: remove };

const cases: readonly Case[] = [
  [
    "put",
    cm,
    { metadata: { name: "c", uid: "x" } },
    409,
    `on configmaps "c": ${kept("configmaps/default/c", "U")}`,
  ],
  [
    "put",
    gone,
    { metadata: { name: "gone", uid: "x" } },
    409,
    `on configmaps "gone": ${kept("configmaps/default/gone", "")}`,
  ],
  [
    "put",
    `${coordination}/l`,
    { metadata: { name: "l", uid: "x" }, spec: {} },
    409,
    `on leases.coordination.k8s.io "l": ${kept("leases/default/l", "")}`,
  ],
  [
    "put",
    `${dep}/scale`,
    { metadata: { name: "d", uid: "x" } },
    409,
    `on deployments.apps "d": ${kept("deployments/default/d", "U")}`,
  ],
  [
    "post",
    `${pod}/binding`,
    { metadata: { name: "p", uid: "x" }, target: { name: "n" } },
    409,
    `on pods "p": ${kept("pods/default/p", "U")}`,
  ],
  ["post", `${pod}/binding`, { metadata: { name: "p" } }, 500, "target.name: Required value"],
  [
    "post",
    `${pod}/binding`,
    { metadata: { name: "p" }, target: { kind: "Pod" } },
    500,
    '[target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]',
  ],
  ["merge", cm, x, 422, `ConfigMap "c" ${fixed}`],
  ["merge", `${dep}/status`, x, 422, `Deployment.apps "d" ${fixed}`],
  ["merge", `${dep}/scale`, x, 409, `on deployments/scale.apps "d": ${bad("U")}`],
  [
    "merge",
    `${dep}/scale`,
    { ...x, spec: { replicas: -1 } },
    422,
    'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    "merge",
    `${dep}/scale`,
    { metadata: { labels: { a: "-" } } },
    422,
    'Scale.autoscaling "d" is invalid: metadata.labels: Invalid value: "-"',
  ],
  ["put", cm, revised("c", "x"), 500, 'strconv.ParseUint: parsing "x": invalid syntax'],
  [
    "put",
    cm,
    revised("c", "18446744073709551616"),
    500,
    'strconv.ParseUint: parsing "18446744073709551616": value out of range',
  ],
  ["put", cm, revised("c", "1"), 409, "the object has been modified"],
  ["post", `${core}/configmaps`, revised("new", "01"), 500, "resourceVersion should not be set"],
  ["post", `${core}/configmaps`, revised("new", "01", "a b"), 422, "metadata.labels: Invalid value"],
  ["delete", cm, { preconditions: { uid: "x" } }, 409, `on ConfigMap "c": ${recreated("U")}`],
  ["delete", dep, { preconditions: { uid: "x" } }, 409, `on Deployment.apps "d": ${recreated("U")}`],
  [
    "delete",
    cm,
    { preconditions: { resourceVersion: "1" } },
    409,
    'on ConfigMap "c": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (R). The object might have been modified',
  ],
  ["delete", ns, { preconditions: { uid: "x" } }, 409, `on namespaces "n": ${bad("U")}`],
  [
    "merge",
    cm,
    { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } },
    422,
    'metadata.deletionTimestamp: Invalid value: "2026-01-01T00:00:00Z": field is immutable',
  ],
  [
    "merge",
    cm,
    { metadata: { deletionGracePeriodSeconds: 5 } },
    422,
    "metadata.deletionGracePeriodSeconds: Invalid value: 5: field is immutable",
  ],
];

describe("conditions", () => {
  const seen: AdmissionAttributes[] = [];
  const note = (attributes: AdmissionAttributes): Promise<void> => {
    seen.push(attributes);
    return Promise.resolve();
  };
  let server: TestApiserver;
  const made = new Map<string, AnyObject>();
  before(async () => {
    server = await startTestApiserver({ admission: { admit: () => Promise.resolve(), validate: note } });
    const transport = server.transport();
    for (const [path, object] of [
      [cm, { metadata: { name: "c" } }],
      [dep, deployment],
      [pod, { metadata: { name: "p" }, spec: deployment.spec.template.spec }],
      [ns, { metadata: { name: "n" } }],
    ] as const) {
      made.set(path, (await post(transport, path.replace(/\/[^/]+$/, ""), object)).body);
    }
  });
  after(() => server.close());

  for (const [verb, path, body, code, said] of cases) {
    test(`${verb} ${path} ${JSON.stringify(body)}`, async () => {
      const answer = await verbs[verb](server.transport(), path, body);
      const { uid = "", resourceVersion = "" } =
        made.get(path.replace(/\/(scale|status|binding)$/, ""))?.metadata ?? {};
      assert.equal(answer.status, code);
      const message = String(answer.body["message"]);
      const text = message.replace(uid === "" ? "none" : uid, "U").replace(`(${resourceVersion})`, "(R)");
      assert.ok(text.includes(said), `${text}\ninstead of\n${said}`);
    });
  }

  test("a new object's revision that can't be read doesn't matter, and its generation stays where nothing counts it", async () => {
    const metadata = { name: "odd", resourceVersion: "x", generation: 5 };
    const answer = await post(server.transport(), `${core}/configmaps`, { metadata });
    assert.deepEqual([answer.status, answer.body.metadata?.generation], [201, 5]);
    const padded = `0${answer.body.metadata?.resourceVersion ?? ""}`;
    const again = await put(server.transport(), `${core}/configmaps/odd`, revised("odd", padded));
    assert.deepEqual([again.status, again.body.metadata?.generation], [200, 5]);
  });

  test("validating admission is shown the scale that the object then has", async () => {
    seen.length = 0;
    const scale = { metadata: { name: "d", labels }, spec: { replicas: 3 }, status: { replicas: 9 } };
    assert.equal((await put(server.transport(), `${dep}/scale`, scale)).status, 200);
    const shown = seen.map(({ gvk, object, oldObject }) => [gvk.kind, object, oldObject] as const);
    const { uid, resourceVersion, creationTimestamp } = made.get(dep)?.metadata ?? {};
    const metadata = { name: "d", namespace: "default", uid, resourceVersion, creationTimestamp };
    const of = (replicas: number): object => ({
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata,
      spec: { replicas },
      status: { replicas: 0, selector: "a=b" },
    });
    assert.deepEqual(shown, [["Scale", of(3), of(2)]]);
  });
});
