import assert from "node:assert/strict";
import { test } from "node:test";
import { testCreates, testStatusUpdates, testUpdates, type Valid } from "../testing/validation-cases.ts";
import { isDeletionCost } from "./pod-annotation-validation.ts";

const pod = "v1/Pod";
const container = { name: "c", image: "i" };
const valid: Valid = { [pod]: { spec: { containers: [container] } } };
const noted = (annotations: Readonly<Record<string, string>>, spec: object = {}): object => ({
  metadata: { annotations },
  spec,
});
const seccomp = "seccomp.security.alpha.kubernetes.io/pod";
const ofContainer = "container.seccomp.security.alpha.kubernetes.io/c";
const appArmor = "container.apparmor.security.beta.kubernetes.io/c";
const cost = "controller.kubernetes.io/pod-deletion-cost";
const mirror = "kubernetes.io/config.mirror";
const tolerations = "scheduler.alpha.kubernetes.io/tolerations";
const profile = (name: string, type: string, localhostProfile?: string): object => ({
  containers: [{ ...container, securityContext: { [name]: { type, localhostProfile } } }],
});
const differs = "Forbidden: seccomp type in annotation and field must match";
const at = "spec.containers[0].securityContext";

testCreates(valid, [
  [pod, noted({ [mirror]: "x" }, { nodeName: "n" })],
  [
    pod,
    noted({ [mirror]: "x" }),
    `metadata.annotations[${mirror}]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set`,
  ],
  [pod, noted({ [tolerations]: '[{"operator":"Exists"}]' })],
  [
    pod,
    noted({ [tolerations]: '[{"key":"a","operator":"Near"}]' }),
    `metadata.annotations.${tolerations}[0].operator: Unsupported value: "Near": supported values: "Equal", "Exists"…`,
  ],
  [
    pod,
    noted({ [tolerations]: "[null]" }),
    `metadata.annotations.${tolerations}[0].operator: Invalid value: "": operator must be Exists…`,
  ],
  [
    pod,
    noted({ [tolerations]: '[{"key":5}]' }),
    `metadata.annotations: Invalid value: "${tolerations}": json: cannot unmarshal number into Go struct field Toleration.Key of type string`,
  ],
  [
    pod,
    noted({ [tolerations]: "{}" }),
    `metadata.annotations: Invalid value: "${tolerations}": json: cannot unmarshal object into Go value of type []core.Toleration`,
  ],
  [pod, noted({ [tolerations]: "[" }), `metadata.annotations: Invalid value: "${tolerations}": …`],
  [
    pod,
    noted({ [cost]: "1.5" }),
    `metadata.annotations[${cost}]: Invalid value: "1.5": must be a 32bit integer`,
  ],
  ...["runtime/default", "docker/default", "unconfined", "localhost/a/b"].map(
    (text) => [pod, noted({ [seccomp]: text, [ofContainer]: text })] as const,
  ),
  [
    pod,
    noted({ [seccomp]: "strict" }),
    `metadata.annotations.${seccomp}: Invalid value: "strict": must be a valid seccomp profile`,
  ],
  [
    pod,
    noted({ [ofContainer]: "localhost/../a" }),
    `metadata.annotations.${ofContainer}: Invalid value: "../a": must not contain '..'`,
  ],
  ...["", "runtime/default", "unconfined", "localhost/a"].map(
    (text) => [pod, noted({ [appArmor]: text })] as const,
  ),
  [
    pod,
    noted({ [appArmor]: "strict" }),
    `metadata.annotations[${appArmor}]: Invalid value: "strict": invalid AppArmor profile name: "strict"`,
  ],
  [
    pod,
    noted({ [`${appArmor}2`]: "unconfined" }),
    `metadata.annotations[${appArmor}2]: Invalid value: "c2": container not found`,
  ],
  [pod, noted({ [ofContainer]: "docker/default" }, profile("seccompProfile", "RuntimeDefault"))],
  [pod, noted({ [ofContainer]: "localhost/a" }, profile("seccompProfile", "Localhost", "a"))],
  [
    pod,
    noted({ [ofContainer]: "unconfined" }, profile("seccompProfile", "RuntimeDefault")),
    `${at}.seccompProfile.type: ${differs}`,
  ],
  [
    pod,
    noted({ [ofContainer]: "unconfined" }, profile("seccompProfile", "Localhost", "a")),
    `${at}.seccompProfile.type: ${differs}`,
  ],
  [
    pod,
    noted({ [ofContainer]: "localhost/b" }, profile("seccompProfile", "Localhost", "a")),
    `${at}.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match`,
  ],
  [
    pod,
    noted({ [seccomp]: "runtime/default" }, { securityContext: { seccompProfile: { type: "Unconfined" } } }),
    `spec.securityContext.seccompProfile.type: ${differs}`,
  ],
  [
    pod,
    noted({ [appArmor]: "runtime/default" }, profile("appArmorProfile", "Unconfined")),
    `${at}.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match`,
  ],
  [
    pod,
    noted(
      { [appArmor]: "localhost/b" },
      { securityContext: { appArmorProfile: { type: "Localhost", localhostProfile: "a" } } },
    ),
    `${at}.appArmorProfile.localhostProfile: Forbidden: apparmor profile in annotation and field must match`,
  ],
]);

const changes = [
  [pod, noted({ [appArmor]: "unconfined" }), noted({})],
  [
    pod,
    noted({ [appArmor]: "unconfined" }),
    noted({ [appArmor]: "runtime/default" }),
    `metadata.annotations[${appArmor}]: Forbidden: may not remove or update AppArmor annotations`,
  ],
  [
    pod,
    {},
    noted({ [appArmor]: "unconfined" }),
    `metadata.annotations[${appArmor}]: Forbidden: may not add AppArmor annotations`,
  ],
  [
    pod,
    noted({ [mirror]: "x" }, { nodeName: "n" }),
    { metadata: { annotations: { [mirror]: undefined } } },
    `metadata.annotations[${mirror}]: Forbidden: may not remove or update mirror pod annotation`,
  ],
  [
    pod,
    noted({}, { nodeName: "n" }),
    noted({ [mirror]: "x" }),
    `metadata.annotations[${mirror}]: Forbidden: may not add mirror pod annotation`,
  ],
  // A cost that can't be read may stay, and go on so.
  [pod, noted({ [cost]: "x" }), noted({ [cost]: "y" })],
] as const;
testUpdates(valid, changes);
testStatusUpdates(valid, changes);

const noCost = `metadata.annotations[${cost}]: Invalid value: "y": must be a 32bit integer`;
// upstream looks at a pod's annotations and at what an update says of them, which is all of it once more.
testUpdates(valid, [[pod, noted({}), noted({ [cost]: "y" }), noCost, noCost]]);
testStatusUpdates(valid, [[pod, noted({}), noted({ [cost]: "y" }), noCost]]);

test("a deletion cost is a 32-bit integer as Go prints one", () => {
  for (const text of ["0", "-1", "10", "2147483647", "-2147483648"]) assert.ok(isDeletionCost(text), text);
  for (const text of ["", "+1", "01", "1.5", "1e3", "2147483648", "-2147483649", "x"]) {
    assert.ok(!isDeletionCost(text), text);
  }
});
