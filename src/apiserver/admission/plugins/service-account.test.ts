import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod, PodSpec, ServiceAccount } from "#api/generated/types/core-v1.ts";
import { configMaps, pods, serviceAccounts } from "#api/resources.ts";
import { MemoryApi, refusal } from "#apiserver/authz/testing/memory-api.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { attributesOf, run } from "../testing/attributes.ts";
import { ServiceAccountPlugin } from "./service-account.ts";

const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

function setup(...accounts: ServiceAccount[]): {
  api: MemoryApi;
  clock: ManualClock;
  plugin: ServiceAccountPlugin;
} {
  const api = new MemoryApi();
  const clock = new ManualClock();
  api.seed(serviceAccounts, ...accounts);
  const plugin = new ServiceAccountPlugin({
    informers: api,
    client: api,
    clock,
    random: new SeededRandom(1),
  });
  return { api, clock, plugin };
}

const account = (more: Partial<ServiceAccount> = {}): ServiceAccount => ({
  metadata: { namespace: "a", name: "default" },
  ...more,
});
const pod = (spec: Partial<PodSpec> = {}, annotations?: Record<string, string>): Pod => ({
  metadata: { namespace: "a", name: "web", annotations },
  spec: { containers: [{ name: "c" }], ...spec },
});

async function admitted(object: Pod, ...accounts: ServiceAccount[]): Promise<PodSpec> {
  await run(setup(...accounts).plugin, attributesOf(pods, { object }));
  assert.ok(object.spec !== undefined);
  return object.spec;
}

const env = (name: string): PodSpec["containers"] => [
  { name: "c", env: [{ name: "E", valueFrom: { secretKeyRef: { name, key: "k" } } }] },
];

suite("ServiceAccount", () => {
  test("a pod gets the default account and its token in every container", async () => {
    const spec = await admitted(pod({ initContainers: [{ name: "i" }] }), account());
    assert.equal(spec.serviceAccountName, "default");
    assert.equal(spec.serviceAccount, "default");
    const [volume] = spec.volumes ?? [];
    assert.match(volume?.name ?? "", /^kube-api-access-[b-z2-9]{5}$/);
    assert.deepEqual(volume?.projected, {
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
      defaultMode: 420,
    });
    for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
      assert.deepEqual(container.volumeMounts, [{ name: volume.name, readOnly: true, mountPath }]);
    }
  });

  test("a container that mounts something there keeps it; with nobody in need there is no volume", async () => {
    const own = [{ name: "own", mountPath }];
    const spec = await admitted(pod({ containers: [{ name: "c", volumeMounts: own }] }), account());
    assert.equal(spec.volumes, undefined);
    assert.deepEqual(spec.containers[0]?.volumeMounts, own);
  });

  test("all pods of an account have one name for it, so that those alike say the same", async () => {
    const { plugin } = setup(account(), { metadata: { namespace: "a", name: "other" } });
    const specOf = async (more?: Partial<PodSpec>): Promise<PodSpec | undefined> => {
      const object = pod(more);
      await run(plugin, attributesOf(pods, { object }));
      return object.spec;
    };
    const [one, two, other] = [await specOf(), await specOf(), await specOf({ serviceAccountName: "other" })];
    assert.deepEqual(one, two);
    assert.notEqual(other?.volumes?.[0]?.name, one?.volumes?.[0]?.name);
  });

  test("a volume that is there already is used", async () => {
    const spec = await admitted(pod({ volumes: [{ name: "kube-api-access-mine" }] }), account());
    assert.equal(spec.volumes?.length, 1);
    assert.equal(spec.containers[0]?.volumeMounts?.[0]?.name, "kube-api-access-mine");
  });

  const automount: [boolean | undefined, boolean | undefined, boolean][] = [
    [undefined, undefined, true],
    [undefined, false, false],
    [true, false, true],
    [false, true, false],
  ];
  for (const [ofPod, ofAccount, mounts] of automount) {
    test(`automount: pod ${String(ofPod)}, account ${String(ofAccount)} → ${String(mounts)}`, async () => {
      const spec = await admitted(
        pod({ automountServiceAccountToken: ofPod }),
        account({ automountServiceAccountToken: ofAccount }),
      );
      assert.equal(spec.volumes !== undefined, mounts);
    });
  }

  test("pull secrets come from the account unless the pod has its own", async () => {
    const puller = account({ imagePullSecrets: [{ name: "registry" }] });
    assert.deepEqual((await admitted(pod(), puller)).imagePullSecrets, [{ name: "registry" }]);
    const own = await admitted(pod({ imagePullSecrets: [{ name: "own" }] }), puller);
    assert.deepEqual(own.imagePullSecrets, [{ name: "own" }]);
  });

  test("an account that isn't there refuses the pod", async () => {
    const { plugin } = setup(account());
    const attributes = attributesOf(pods, { object: pod({ serviceAccountName: "robot" }) });
    assert.deepEqual(await refusal(() => run(plugin, attributes)), {
      code: 403,
      message:
        'pods "web" is forbidden: error looking up service account a/robot: serviceaccount "robot" not found',
    });
  });

  test("the default account is waited for, as it comes or doesn't", async () => {
    const { api, clock, plugin } = setup();
    const object = pod();
    const admitting = run(plugin, attributesOf(pods, { object }));
    await settle();
    api.seed(serviceAccounts, account());
    await admitting;
    assert.equal(object.spec?.serviceAccountName, "default");
    assert.equal(clock.waiting, 0);

    const elsewhere = { ...pod(), metadata: { namespace: "b", generateName: "job-" } };
    const refused = refusal(() => run(plugin, attributesOf(pods, { object: elsewhere })));
    await settle();
    await clock.advance(1500);
    assert.deepEqual(await refused, {
      code: 403,
      message:
        'pods "job-" is forbidden: error looking up service account b/default: serviceaccount "default" not found',
    });
  });

  const mirror = { "kubernetes.io/config.mirror": "x" };
  const mirrors: [string, Partial<PodSpec>, string][] = [
    ["nothing of the kind", {}, ""],
    [
      "service accounts",
      { serviceAccountName: "default" },
      "a mirror pod may not reference service accounts",
    ],
    [
      "secrets",
      { volumes: [{ name: "s", secret: { secretName: "x" } }] },
      "a mirror pod may not reference secrets",
    ],
    [
      "tokens",
      { volumes: [{ name: "s", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }] },
      "a mirror pod may not use ServiceAccountToken volume projections",
    ],
  ];
  for (const [name, spec, fault] of mirrors) {
    test(`a mirror pod refers to ${name}`, async () => {
      const { plugin } = setup();
      const { message } = await refusal(() => run(plugin, attributesOf(pods, { object: pod(spec, mirror) })));
      assert.equal(message, fault === "" ? "" : `pods "web" is forbidden: ${fault}`);
    });
  }

  const strict = account({
    metadata: {
      namespace: "a",
      name: "default",
      annotations: { "kubernetes.io/enforce-mountable-secrets": "true" },
    },
    secrets: [{ name: "mine" }],
    imagePullSecrets: [{ name: "pull" }],
  });
  const why = "is not allowed because service account default does not reference that";
  const enforced: [string, Partial<PodSpec>, string][] = [
    [
      "its own secrets",
      { containers: env("mine"), volumes: [{ name: "v", secret: { secretName: "mine" } }] },
      "",
    ],
    [
      "a volume",
      { volumes: [{ name: "v", secret: { secretName: "x" } }] },
      `volume with secret.secretName="x" ${why} secret`,
    ],
    [
      "a variable",
      { containers: env("x") },
      `container c with envVar E referencing secret.secretName="x" ${why} secret`,
    ],
    [
      "the environment of an init container",
      { initContainers: [{ name: "i", envFrom: [{ secretRef: { name: "x" } }] }] },
      `init container i with envFrom referencing secret.secretName="x" ${why} secret`,
    ],
    ["pulling", { imagePullSecrets: [{ name: "x" }] }, `imagePullSecrets[0].name="x" ${why} imagePullSecret`],
  ];
  for (const [name, spec, fault] of enforced) {
    test(`an account that enforces its secrets judges ${name}`, async () => {
      const { plugin } = setup(strict);
      const { message } = await refusal(() => run(plugin, attributesOf(pods, { object: pod(spec) })));
      assert.equal(message, fault === "" ? "" : `pods "web" is forbidden: ${fault}`);
    });
  }

  test("other resources and subresources aren't looked at", async () => {
    const { plugin } = setup();
    await run(plugin, attributesOf(configMaps, { object: { metadata: { namespace: "a", name: "x" } } }));
    await run(plugin, attributesOf(pods, { subresource: "binding", object: pod() }));
  });
});
