/** Claims as messages show them. upstream: pkg/apis/resource/types.go */
import { tolerationShape } from "../core/affinity-validation.ts";
import { termShape } from "../core/gated-pod-validation.ts";
import type { GoShape } from "../meta/go-struct.ts";

const selectorShape: GoShape = { CEL: ["cel", null, { Expression: ["expression", ""] }] };

const capacityShape: GoShape = { Requests: ["requests", null] };

const exactShape: GoShape = {
  DeviceClassName: ["deviceClassName", ""],
  Selectors: ["selectors", null, selectorShape],
  AllocationMode: ["allocationMode", ""],
  Count: ["count", 0],
  AdminAccess: ["adminAccess", null],
  Tolerations: ["tolerations", null, tolerationShape],
  Capacity: ["capacity", null, capacityShape],
};

const { AdminAccess: _adminAccess, ...alternativeShape } = exactShape;

const opaqueShape: GoShape = { Driver: ["driver", ""], Parameters: ["parameters", null] };

export const claimSpecShape: GoShape = {
  Devices: [
    "devices",
    {},
    {
      Requests: [
        "requests",
        null,
        {
          Name: ["name", ""],
          Exactly: ["exactly", null, exactShape],
          FirstAvailable: ["firstAvailable", null, { Name: ["name", ""], ...alternativeShape }],
        },
      ],
      Constraints: [
        "constraints",
        null,
        {
          Requests: ["requests", null],
          MatchAttribute: ["matchAttribute", null],
          DistinctAttribute: ["distinctAttribute", null],
        },
      ],
      Config: ["config", null, { Requests: ["requests", null], Opaque: ["opaque", null, opaqueShape] }],
    },
  ],
};

export const allocationShape: GoShape = {
  Devices: [
    "devices",
    {},
    {
      Results: [
        "results",
        null,
        {
          Request: ["request", ""],
          Driver: ["driver", ""],
          Pool: ["pool", ""],
          Device: ["device", ""],
          AdminAccess: ["adminAccess", null],
          Tolerations: ["tolerations", null, tolerationShape],
          BindingConditions: ["bindingConditions", null],
          BindingFailureConditions: ["bindingFailureConditions", null],
          ShareID: ["shareID", null],
          ConsumedCapacity: ["consumedCapacity", null],
        },
      ],
      Config: [
        "config",
        null,
        {
          Source: ["source", ""],
          Requests: ["requests", null],
          Opaque: ["opaque", null, opaqueShape],
        },
      ],
    },
  ],
  NodeSelector: ["nodeSelector", null, { NodeSelectorTerms: ["nodeSelectorTerms", null, termShape] }],
  AllocationTimestamp: ["allocationTimestamp", null],
};
