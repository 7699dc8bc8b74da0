/**
 * The Auth service of a server without users: who may connect is decided by certificates. What asks for users and roles
 * finds none; what would make one is told that authentication is not enabled. upstream: v3rpc/auth.go, auth/store.go
 */
import { authListResponse, authRequest, authResponse, authStatusResponse } from "../auth-messages.ts";
import { type EtcdContext, type Header, headerOf } from "./context.ts";
import { type EtcdError, etcdError } from "./errors.ts";
import { Service } from "./service.ts";

/** upstream: an auth store that was never enabled is at revision 1 */
const authRevision = 1n;

export function authService(context: EtcdContext): Service {
  const service = new Service("etcdserverpb.Auth", context);
  const header = (): { readonly header: Header } => ({ header: headerOf(context) });
  const refuse = (name: string, reasonOf: (name: string) => EtcdError): void => {
    service.unary(name, [authRequest, authResponse], (request) => Promise.reject(reasonOf(request.name)));
  };
  service
    .unary("AuthStatus", [authRequest, authStatusResponse], () =>
      Promise.resolve({ ...header(), enabled: false, authRevision }),
    )
    .unary("AuthDisable", [authRequest, authResponse], () => Promise.resolve(header()))
    .unary("UserList", [authRequest, authListResponse], () => Promise.resolve(header()))
    .unary("RoleList", [authRequest, authListResponse], () => Promise.resolve(header()));
  refuse("AuthEnable", () => etcdError("rootUserMissing"));
  refuse("Authenticate", () => etcdError("authNotEnabled"));
  refuse("UserAdd", (name) => etcdError(name === "" ? "userEmpty" : "authNotEnabled"));
  refuse("RoleAdd", (name) => etcdError(name === "" ? "roleEmpty" : "authNotEnabled"));
  for (const name of ["UserGet", "UserDelete", "UserChangePassword", "UserGrantRole", "UserRevokeRole"]) {
    refuse(name, () => etcdError("userNotFound"));
  }
  for (const name of ["RoleGet", "RoleDelete", "RoleGrantPermission", "RoleRevokePermission"]) {
    refuse(name, () => etcdError("roleNotFound"));
  }
  return service;
}
