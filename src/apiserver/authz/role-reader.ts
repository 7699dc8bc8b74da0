/** Where the RBAC authorizer gets roles and bindings from. */
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from "#api/generated/types/rbac-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "#api/resources.ts";
import type { Informer, InformerFactory } from "#client/cache/informer.ts";

export interface RoleReader {
  /** Grows with every change: whoever remembers something derived from here asks again then. */
  readonly version: number;
  role(namespace: string, name: string): Role | undefined;
  clusterRole(name: string): ClusterRole | undefined;
  clusterRoles(): readonly ClusterRole[];
  roleBindings(namespace: string): readonly RoleBinding[];
  clusterRoleBindings(): readonly ClusterRoleBinding[];
}

/** Reads from informers; the factory is started and waited for by its owner. */
export class InformerRoleReader implements RoleReader {
  readonly #roles: Informer<Role>;
  readonly #clusterRoles: Informer<ClusterRole>;
  readonly #roleBindings: Informer<RoleBinding>;
  readonly #clusterRoleBindings: Informer<ClusterRoleBinding>;
  #version = 0;
  #changed = Promise.withResolvers<void>();

  constructor(informers: InformerFactory) {
    this.#roles = this.#watched(informers, roles);
    this.#clusterRoles = this.#watched(informers, clusterRoles);
    this.#roleBindings = this.#watched(informers, roleBindings);
    this.#clusterRoleBindings = this.#watched(informers, clusterRoleBindings);
  }

  get version(): number {
    return this.#version;
  }

  /** Resolves at the next change of any role or binding. */
  get nextChange(): Promise<void> {
    return this.#changed.promise;
  }

  role(namespace: string, name: string): Role | undefined {
    return this.#roles.lister.get(`${namespace}/${name}`);
  }

  clusterRole(name: string): ClusterRole | undefined {
    return this.#clusterRoles.lister.get(name);
  }

  clusterRoles(): readonly ClusterRole[] {
    return this.#clusterRoles.lister.list();
  }

  roleBindings(namespace: string): readonly RoleBinding[] {
    return this.#roleBindings.lister.list(namespace);
  }

  clusterRoleBindings(): readonly ClusterRoleBinding[] {
    return this.#clusterRoleBindings.lister.list();
  }

  #watched<T extends KubeObject>(informers: InformerFactory, ref: ResourceRef<T>): Informer<T> {
    const informer = informers.informer(ref);
    const changed = (): void => {
      this.#version += 1;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    };
    informer.addHandler({ add: changed, update: changed, delete: changed });
    return informer;
  }
}

export interface RoleObjects {
  readonly roles?: readonly Role[];
  readonly clusterRoles?: readonly ClusterRole[];
  readonly roleBindings?: readonly RoleBinding[];
  readonly clusterRoleBindings?: readonly ClusterRoleBinding[];
}

/** A fixed or hand-changed set of roles, for tests and for tools that evaluate policy without a server. */
export class MemoryRoleReader implements RoleReader {
  #objects: RoleObjects;
  #version = 0;

  constructor(objects: RoleObjects) {
    this.#objects = objects;
  }

  get version(): number {
    return this.#version;
  }

  replace(objects: RoleObjects): void {
    this.#objects = objects;
    this.#version += 1;
  }

  role(namespace: string, name: string): Role | undefined {
    return this.#objects.roles?.find(
      ({ metadata }) => metadata?.namespace === namespace && metadata.name === name,
    );
  }

  clusterRole(name: string): ClusterRole | undefined {
    return this.#objects.clusterRoles?.find(({ metadata }) => metadata?.name === name);
  }

  clusterRoles(): readonly ClusterRole[] {
    return this.#objects.clusterRoles ?? [];
  }

  roleBindings(namespace: string): readonly RoleBinding[] {
    return this.#objects.roleBindings?.filter(({ metadata }) => metadata?.namespace === namespace) ?? [];
  }

  clusterRoleBindings(): readonly ClusterRoleBinding[] {
    return this.#objects.clusterRoleBindings ?? [];
  }
}
