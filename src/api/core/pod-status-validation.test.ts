import { testStatusUpdates, type Valid } from "../testing/validation-cases.ts";

const container = { name: "c", image: "i" };
const spec = (fields: object): object => ({ spec: fields });
const valid: Valid = {
  "v1/Pod": { spec: { containers: [container] } },
};
const done = { name: "c", state: { terminated: { exitCode: 0 } } };
const ended = (fields: object, exitCode: number): object => ({
  spec: fields,
  status: { containerStatuses: [{ name: "c", state: { terminated: { exitCode } } }] },
});
const runs = { status: { containerStatuses: [{ name: "c", state: { running: {} } }] } };
const ruled = (operator: string, value: number): object => ({
  ...container,
  restartPolicy: "Never",
  restartPolicyRules: [{ action: "Restart", exitCodes: { operator, values: [value] } }],
});
const init = (restartPolicy?: string): object => ({
  containers: [{ name: "main", image: "i" }],
  initContainers: [{ ...container, restartPolicy }],
});
const allocated = (list: string, allocatedResourcesStatus: readonly object[]): object => ({
  status: { [list]: [{ name: "c", allocatedResourcesStatus }] },
});

testStatusUpdates(valid, [
  [
    "v1/Pod",
    { spec: { restartPolicy: "Never" }, status: { containerStatuses: [done] } },
    {
      spec: { restartPolicy: "Never" },
      status: { containerStatuses: [{ name: "c", state: { running: {} } }] },
    },
    "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state",
  ],
  [
    "v1/Pod",
    { status: { containerStatuses: [done] } },
    { status: { containerStatuses: [{ name: "c", state: { running: {} } }] } },
  ],
  [
    "v1/Pod",
    {},
    { status: { podIPs: [{ ip: "x" }] } },
    'status.podIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ],
  [
    "v1/Pod",
    {},
    { status: { conditions: [{ type: "a b", status: "True" }] } },
    'status.conditions[0].Type: Invalid value: "a b": name part must consist of…',
  ],
  [
    "v1/Pod",
    {},
    { status: { observedGeneration: -1, conditions: [{ type: "Ready", observedGeneration: -1 }] } },
    "status.conditions[0].observedGeneration: Invalid value: -1: must be a non-negative integer",
    "status.observedGeneration: Invalid value: -1: must be a non-negative integer",
  ],
  ["v1/Pod", {}, spec({ nodeName: "n" }), "status.nodeName: Forbidden: may not be changed directly"],
  ["v1/Pod", {}, { status: { nominatedNodeName: "n" } }],
  [
    "v1/Pod",
    {},
    { status: { nominatedNodeName: "N" } },
    'status.nominatedNodeName: Invalid value: "N": a lowercase RFC 1123 subdomain…',
  ],
  [
    "v1/Pod",
    spec({ nodeName: "n" }),
    { status: { nominatedNodeName: "m" } },
    "status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node",
  ],
  [
    "v1/Pod",
    { status: { qosClass: "BestEffort" } },
    { status: { qosClass: "Burstable" } },
    'status.qosClass: Invalid value: "Burstable": field is immutable',
  ],
  // What has ended stays so unless its policy, or its own, lets it run again.
  ["v1/Pod", ended({ restartPolicy: "OnFailure" }, 1), runs],
  [
    "v1/Pod",
    ended({ restartPolicy: "OnFailure" }, 0),
    runs,
    "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state",
  ],
  [
    "v1/Pod",
    ended({ restartPolicy: "Never", containers: [{ ...container, restartPolicy: "Always" }] }, 0),
    runs,
  ],
  ["v1/Pod", ended({ restartPolicy: "Never", containers: [ruled("In", 42)] }, 42), runs],
  [
    "v1/Pod",
    ended({ restartPolicy: "Never", containers: [ruled("NotIn", 42)] }, 42),
    runs,
    "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state",
  ],
  [
    "v1/Pod",
    { ...spec({ restartPolicy: "Never", ...init() }), status: { initContainerStatuses: [done] } },
    { status: { initContainerStatuses: [{ name: "c", state: { running: {} } }] } },
    "status.initContainerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state",
  ],
  [
    "v1/Pod",
    { ...spec({ restartPolicy: "Never", ...init("Always") }), status: { initContainerStatuses: [done] } },
    { status: { initContainerStatuses: [{ name: "c", state: { running: {} } }] } },
  ],
  [
    "v1/Pod",
    { status: { ephemeralContainerStatuses: [done] } },
    { status: { ephemeralContainerStatuses: [{ name: "c", state: { running: {} } }] } },
    "status.ephemeralContainerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state",
  ],
  [
    "v1/Pod",
    spec({ resourceClaims: [{ name: "a", resourceClaimName: "x" }] }),
    {
      status: {
        resourceClaimStatuses: [{ name: "a", resourceClaimName: "X" }, { name: "a" }, { name: "b" }],
      },
    },
    'status.resourceClaimStatuses[0].name: Invalid value: "X": a lowercase RFC 1123 subdomain…',
    'status.resourceClaimStatuses[1].name: Duplicate value: "a"',
    'status.resourceClaimStatuses[2].name: Invalid value: "b": must match the name of an entry in `spec.resourceClaims`',
  ],
  [
    "v1/Pod",
    {},
    { status: { extendedResourceClaimStatus: {} } },
    "status.extendedResourceClaimStatus.requestMappings: Required value: at least one request mapping is required",
    "status.extendedResourceClaimStatus.resourceClaimName: Required value",
  ],
  [
    "v1/Pod",
    {},
    {
      status: {
        extendedResourceClaimStatus: {
          resourceClaimName: "x",
          requestMappings: [
            { containerName: "c", resourceName: "a.b/c", requestName: "r" },
            { containerName: "d", resourceName: "a.b/c", requestName: "r" },
          ],
        },
      },
    },
    'status.extendedResourceClaimStatus.requestMappings[0].resourceName: Invalid value: "a.b/c": must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests',
    'status.extendedResourceClaimStatus.requestMappings[1].containerName: Invalid value: "d": must match the name of an entry in spec.initContainers.name or spec.containers.name',
  ],
  ["v1/Pod", {}, { status: { podIPs: [{ ip: "1.2.3.4" }, { ip: "::1" }] } }],
  [
    "v1/Pod",
    {},
    { status: { podIPs: [{ ip: "1.2.3.4" }, { ip: "1.2.3.5" }] } },
    'status.podIPs: Invalid value: [{"IP":"1.2.3.4"},{"IP":"1.2.3.5"}]: may specify no more than one IP for each IP family',
  ],
  // An address that was kept once may stay.
  ["v1/Pod", { status: { podIPs: [{ ip: "x" }] } }, { status: { podIPs: [{ ip: "x" }] } }],
  ["v1/Pod", {}, { status: { hostIP: "1.2.3.4", hostIPs: [{ ip: "1.2.3.4" }] } }],
  [
    "v1/Pod",
    {},
    { status: { hostIP: "1.2.3.4", hostIPs: [{ ip: "1.2.3.5" }] } },
    'status.hostIPs[0].ip: Invalid value: "1.2.3.5": must be equal to `hostIP`',
  ],
  [
    "v1/Pod",
    {},
    {
      status: {
        containerStatuses: [{ name: "c", user: { linux: { uid: -1, gid: 0, supplementalGroups: [-2] } } }],
      },
    },
    "status.containerStatuses[0].user.linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive",
    "status.containerStatuses[0].user.linux.supplementalGroups[0]: Invalid value: -2: must be between 0 and 2147483647, inclusive",
  ],
  [
    "v1/Pod",
    spec({ os: { name: "windows" } }),
    { status: { initContainerStatuses: [{ name: "c", user: { linux: { uid: 1, gid: 0 } } }] } },
    "status.initContainerStatuses[0].user.linux: Forbidden: cannot be set for a windows pod",
  ],
  [
    "v1/Pod",
    {},
    allocated("containerStatuses", [
      {
        name: "a.b/c",
        resources: [
          { resourceID: "x", health: "Ill" },
          { resourceID: "x", health: "Healthy" },
        ],
      },
      { name: "claim:a", resources: [] },
    ]),
    'status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: "a.b/c": must match one of the container\'s resource requests',
    'status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health: Unsupported value: "Ill": supported values: "Healthy", "Unhealthy", "Unknown"',
    'status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].resourceID: Duplicate value: "x"',
    "status.containerStatuses[0].allocatedResourcesStatus[1].name: Invalid value: \"claim:a\": must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty",
  ],
  [
    "v1/Pod",
    {},
    allocated("ephemeralContainerStatuses", [{ name: "a.b/c" }]),
    "status.ephemeralContainerStatuses[0].allocatedResourcesStatus: Forbidden: must not be specified in container status",
  ],
]);
