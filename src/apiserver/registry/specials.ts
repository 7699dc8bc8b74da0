/** Everything that is special about a resource, in one table; the rest of the API is as install.ts makes it. */
import type { SigningMetrics } from "#apiserver/metrics/signing-metrics.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { Expressions } from "#api/expressions.ts";
import type { AnyObject } from "#api/meta/object.ts";
import {
  selectorsOfClaim,
  selectorsOfClass,
  selectorsOfTemplate,
  type SelectorExpression,
} from "#api/resource/selectors.ts";
import type { DefinitionValidator } from "#api/apiextensions/validation.ts";
import { DefinitionStatusStrategy, DefinitionStrategy } from "#apiserver/crd/definition-strategy.ts";
import type { Clock } from "#base/clock.ts";
import { get } from "#apiserver/handlers/get.ts";
import { patch } from "#apiserver/handlers/patch.ts";
import { update } from "#apiserver/handlers/update.ts";
import type { WriteDeps } from "#apiserver/handlers/write.ts";
import type { CacheFeed } from "./cache-feed.ts";
import { componentStatuses, type ComponentProbe } from "./component-statuses.ts";
import { bind } from "./core/binding.ts";
import { claimAdjustments, claimReadForm } from "./core/claims.ts";
import { EventStrategy } from "./core/events.ts";
import { evict } from "./core/eviction.ts";
import { FinalizeStrategy, NamespaceStrategy } from "./core/namespaces.ts";
import { volumeAdjustments, volumeStatusAdjustments } from "./core/persistent-volumes.ts";
import {
  PodPartStrategy,
  PodStatusStrategy,
  PodStrategy,
  takeEphemeralContainers,
  takeResources,
} from "./core/pods.ts";
import { accountAdjustments } from "./core/service-accounts.ts";
import type { ServiceAllocation } from "./core/services/allocation.ts";
import { ServiceReadForm } from "./core/services/read-form.ts";
import { ServiceStrategy } from "./core/services/strategy.ts";
import { createToken, type Issuer } from "./core/token.ts";
import { sliceAdjustments } from "./discovery/endpoint-slices.ts";
import type { Handler } from "./endpoint.ts";
import type { Installed, Special, Specials, SubresourceHandlers } from "./install.ts";
import { AdjustingStrategy } from "./adjusting.ts";
import { ApiServiceStrategy } from "./apiregistration/api-services.ts";
import { daemonSetAdjustments } from "./apps/daemon-sets.ts";
import { JobStrategy } from "./batch/jobs.ts";
import { SigningRequestStrategy, SigningStatusStrategy } from "./certificates/signing-requests.ts";
import {
  PodCertificateRequestStrategy,
  PodCertificateStatusStrategy,
} from "./certificates/pod-certificate-requests.ts";
import { TrustBundleStrategy } from "./certificates/trust-bundles.ts";
import { OrphaningStrategy } from "./orphaning.ts";
import {
  adminFaults,
  adminPathOfClaim,
  adminPathOfTemplate,
  type LabelsOfNamespace,
} from "./resource/admin-access.ts";
import { ClaimStatusStrategy } from "./resource/claim-status.ts";
import { SelectingStrategy } from "./resource/selecting.ts";
import { reviewResources, type ReviewDeps } from "./reviews.ts";
import type { Validation } from "./strategy.ts";
import { plainSelectorScale, scaleHandlers, usualScale } from "./scale.ts";

/** Subresources that lead to a kubelet or straight to a pod's port. */
export interface ConnectHandlers {
  readonly pods: SubresourceHandlers;
  readonly nodes: SubresourceHandlers;
  readonly services: SubresourceHandlers;
}

export interface SpecialsDeps extends WriteDeps, ReviewDeps {
  readonly clock: Clock;
  readonly feed: () => CacheFeed;
  readonly installed: () => Installed;
  readonly serviceAllocation: () => ServiceAllocation;
  /** The checks of pods/ephemeralcontainers and pods/resize. */
  readonly podPartUpdate: (
    part: "ephemeralContainers" | "resources",
    pod: AnyObject,
    old: AnyObject,
  ) => readonly FieldError[];
  readonly signingMetrics?: SigningMetrics | undefined;
  /** The checks of certificatesigningrequests/approval. */
  readonly approvalUpdate: (request: AnyObject, old: AnyObject) => readonly FieldError[];
  /** The checks of namespaces/finalize. */
  readonly finalizeUpdate: (namespace: AnyObject, old: AnyObject) => readonly FieldError[];
  /** The checks of events that come through events.k8s.io, in the form they are kept in. */
  readonly newEvents: Validation;
  /** Made when the first definition is written. */
  readonly definitionValidator: () => DefinitionValidator;
  readonly loadExpressions: () => Promise<Expressions>;
  readonly issuer: Issuer;
  readonly connect: ConnectHandlers;
  readonly probes: readonly ComponentProbe[];
}

export function createSpecials(deps: SpecialsDeps): Specials {
  const scale = (form = usualScale): Special => ({
    subresources: () => ({ scale: scaleHandlers(deps, form) }),
  });
  return {
    stored: {
      pods: podSpecial(deps),
      namespaces: namespaceSpecial(deps),
      services: serviceSpecial(deps),
      events: { strategy: (base) => new EventStrategy(base, deps.newEvents) },
      nodes: { subresources: () => deps.connect.nodes },
      persistentvolumes: {
        strategy: (base) => new AdjustingStrategy(base, volumeAdjustments),
        statusStrategy: (base) => new AdjustingStrategy(base, volumeStatusAdjustments),
      },
      persistentvolumeclaims: {
        strategy: (base) => new AdjustingStrategy(base, claimAdjustments),
        readForm: claimReadForm,
      },
      serviceaccounts: {
        strategy: (base) => new AdjustingStrategy(base, accountAdjustments),
        subresources: () => ({ token: { create: createToken(deps, deps.issuer) } }),
      },
      replicationcontrollers: {
        ...scale(plainSelectorScale),
        strategy: (base) => new OrphaningStrategy(base, "v1"),
      },
      "daemonsets.apps": { strategy: (base) => new AdjustingStrategy(base, daemonSetAdjustments) },
      "deployments.apps": scale(),
      "replicasets.apps": scale(),
      "statefulsets.apps": scale(),
      "jobs.batch": { strategy: (base) => new OrphaningStrategy(new JobStrategy(base), "batch/v1") },
      "certificatesigningrequests.certificates.k8s.io": signingRequestSpecial(deps),
      "clustertrustbundles.certificates.k8s.io": { strategy: (base) => new TrustBundleStrategy(base) },
      "podcertificaterequests.certificates.k8s.io": {
        strategy: (base) => new PodCertificateRequestStrategy(base),
        statusStrategy: (base) => new PodCertificateStatusStrategy(base, deps),
      },
      "endpointslices.discovery.k8s.io": {
        strategy: (base) => new AdjustingStrategy(base, sliceAdjustments),
      },
      "resourceclaims.resource.k8s.io": {
        ...selecting(deps, selectorsOfClaim, adminPathOfClaim),
        statusStrategy: (base) => new ClaimStatusStrategy(base, labelsOfNamespace(deps)),
      },
      "resourceclaimtemplates.resource.k8s.io": selecting(deps, selectorsOfTemplate, adminPathOfTemplate),
      "deviceclasses.resource.k8s.io": selecting(deps, selectorsOfClass),
      "customresourcedefinitions.apiextensions.k8s.io": {
        strategy: (base) => new DefinitionStrategy(base, deps.definitionValidator),
        statusStrategy: (base) => new DefinitionStatusStrategy(base, deps.definitionValidator),
      },
      "apiservices.apiregistration.k8s.io": { strategy: (base) => new ApiServiceStrategy(base) },
    },
    virtual: {
      ...reviewResources(deps),
      componentstatuses: (definition) => componentStatuses(definition, deps.probes),
      bindings: () => ({ create: bindingRoute(deps) }),
    },
  };
}

const selecting = (
  deps: SpecialsDeps,
  selectorsOf: (object: AnyObject) => readonly SelectorExpression[],
  adminPathOf: (object: AnyObject) => string | undefined = () => undefined,
): Special => ({
  strategy: (base) =>
    new SelectingStrategy(
      base,
      selectorsOf,
      () => deps.loadExpressions(),
      (object) => adminFaults(adminPathOf(object), object, labelsOfNamespace(deps)),
    ),
});

const labelsOfNamespace =
  (deps: SpecialsDeps): LabelsOfNamespace =>
  async (name) =>
    (await deps.installed().storage("namespaces").get({ namespace: "", name })).object.metadata?.labels ?? {};

function podSpecial(deps: SpecialsDeps): Special {
  return {
    strategy: (base) => new PodStrategy(base),
    statusStrategy: (base) => new PodStatusStrategy(base),
    subresources: () => {
      const { podPartUpdate } = deps;
      const ephemeral = new PodPartStrategy(takeEphemeralContainers, (pod, old) =>
        podPartUpdate("ephemeralContainers", pod, old),
      );
      const resize = new PodPartStrategy(takeResources, (pod, old) => podPartUpdate("resources", pod, old));
      return {
        ...deps.connect.pods,
        binding: { create: bind(deps) },
        eviction: {
          create: evict({ ...deps, budgets: () => deps.installed().storage("poddisruptionbudgets.policy") }),
        },
        ephemeralcontainers: partHandlers(deps, ephemeral),
        resize: partHandlers(deps, resize),
      };
    },
  };
}

function partHandlers(deps: SpecialsDeps, strategy: PodPartStrategy): SubresourceHandlers[string] {
  return { get: getHandler(deps), update: update(deps, strategy), patch: patch(deps, strategy) };
}

/** The feed exists only after the specials: asked for at the first request. */
function getHandler(deps: SpecialsDeps): Handler {
  return (request) => get({ feed: deps.feed() })(request);
}

function namespaceSpecial(deps: SpecialsDeps): Special {
  return {
    strategy: (base) => new NamespaceStrategy(base),
    subresources: () => ({
      finalize: { update: update(deps, new FinalizeStrategy(deps.finalizeUpdate)) },
    }),
  };
}

function serviceSpecial(deps: SpecialsDeps): Special {
  return {
    strategy: (base) =>
      new ServiceStrategy(base, {
        allocation: deps.serviceAllocation,
        endpoints: () => deps.installed().storage("endpoints"),
      }),
    readForm: new ServiceReadForm(() => deps.serviceAllocation().families),
    subresources: () => deps.connect.services,
  };
}

/** certificatesigningrequests/approval: only the conditions change. */
function signingRequestSpecial(deps: SpecialsDeps): Special {
  return {
    strategy: (base) => new SigningRequestStrategy(base),
    statusStrategy: (base) =>
      new SigningStatusStrategy(
        base,
        "status",
        (request, old) => base.validateUpdate(request, old),
        deps.signingMetrics,
      ),
    subresources: ({ statusStrategy }) => {
      if (!(statusStrategy instanceof SigningStatusStrategy)) return {};
      const approval = statusStrategy.forApproval((object, old) => deps.approvalUpdate(object, old));
      return {
        approval: { get: getHandler(deps), update: update(deps, approval), patch: patch(deps, approval) },
      };
    },
  };
}

/** POST …/bindings names its pod in the body. */
function bindingRoute(deps: SpecialsDeps): NonNullable<ReturnType<Specials["virtual"][string]>["create"]> {
  const handler = bind(deps);
  return (call, info) => {
    const endpoint = deps.installed().endpoint("", "v1", "pods");
    return handler({ call, info: { ...info, name: "" }, endpoint });
  };
}
