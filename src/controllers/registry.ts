/** Every controller by upstream's name. */
import type { ControllerFactory } from "./controller.ts";
import { deploymentController } from "./deployment/controller.ts";
import { replicaSetController } from "./replicaset/controller.ts";
import { rootCaController } from "./root-ca/controller.ts";
import { serviceAccountController } from "./serviceaccount/controller.ts";

export const controllerFactories: Readonly<Record<string, ControllerFactory>> = {
  serviceaccount: serviceAccountController,
  "root-ca-certificate-publisher": rootCaController,
  deployment: deploymentController,
  replicaset: replicaSetController,
};
