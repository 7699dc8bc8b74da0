/** Two plugins that upstream keeps for old command lines. upstream: plugin/pkg/admission/{admit,deny}/admission.go */
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { refuse } from "../refuse.ts";

export class AlwaysAdmit implements AdmissionPlugin {
  readonly name = "AlwaysAdmit";

  handles(): boolean {
    return true;
  }
}

export class AlwaysDeny implements AdmissionPlugin {
  readonly name = "AlwaysDeny";

  handles(): boolean {
    return true;
  }

  validate(attributes: AdmissionAttributes): Promise<void> {
    return Promise.reject(refuse(attributes, "admission control is denying all modifications"));
  }
}
