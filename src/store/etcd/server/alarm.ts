/** NOSPACE: raised when the quota is used up, or when the disk is full; ended by an administrator. upstream: etcdserver/apply.go, applierV3Capped */
import { StoreFullError } from "../../store.ts";
import type { EtcdContext } from "./context.ts";

/** Until it is disarmed, what needs space is refused. Resolves also when the alarm itself found no space to be kept in. */
export async function raiseNoSpace(
  { store, log }: Pick<EtcdContext, "store" | "log">,
  reason: string,
): Promise<void> {
  if ((await store.alarms()).includes("NOSPACE")) return;
  log.warn("raising the NOSPACE alarm: writes of etcd clients are refused until it is disarmed", { reason });
  try {
    await store.setAlarm("NOSPACE", true);
  } catch (error) {
    if (!(error instanceof StoreFullError)) throw error;
  }
}

/** For every error that an operation ends with. */
export function noteError(context: Pick<EtcdContext, "store" | "log">, error: unknown): void {
  if (!(error instanceof StoreFullError)) return;
  raiseNoSpace(context, error.message).catch((failure: unknown) => {
    context.log.warn("the NOSPACE alarm can't be kept", { error: String(failure) });
  });
}
