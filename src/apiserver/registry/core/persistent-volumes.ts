/** When a volume came into its phase is noted with the phase. upstream: pkg/registry/core/persistentvolume/strategy.go */
import type { PersistentVolume } from "#api/generated/types/core-v1.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { Adjustments } from "../adjusting.ts";

export const volumeAdjustments: Adjustments = {
  create: (volume, { now }) => {
    (volume as Loose<PersistentVolume>).status = { phase: "Pending", lastPhaseTransitionTime: now };
  },
};

/** For /status. Who knows better says so. */
export const volumeStatusAdjustments: Adjustments = {
  update: (volume, old, { now }) => {
    const { status = {} } = volume as Loose<PersistentVolume>;
    const { phase, lastPhaseTransitionTime: was } = (old as Loose<PersistentVolume>).status ?? {};
    const said = status.lastPhaseTransitionTime;
    if (status.phase === phase) {
      if (said === undefined && was !== undefined) status.lastPhaseTransitionTime = was;
    } else if (said === undefined || said === was) status.lastPhaseTransitionTime = now;
    volume["status"] = status;
  },
};
