/** Who a write is noted under. upstream: apiserver/pkg/endpoints/handlers/create.go (managerOrUserAgent) */
import { isPrintable } from "#api/meta/go-quote.ts";
import { fieldManagerBytesMax, isPlain } from "#api/meta/manager-validation.ts";

/** What the client says, else the program's name in its User-Agent. */
export const managerName = (fieldManager: string, userAgent: string): string =>
  fieldManager === "" ? programOf(userAgent) : fieldManager;

function programOf(userAgent: string): string {
  const slash = userAgent.indexOf("/");
  const program = slash < 0 ? userAgent : userAgent.slice(0, slash);
  if (program.length <= fieldManagerBytesMax && isPlain(program)) return program;
  let name = "";
  let bytes = 0;
  for (const char of program) {
    if (!isPrintable(char)) continue;
    bytes += Buffer.byteLength(char);
    if (bytes > fieldManagerBytesMax) break;
    name += char;
  }
  return name;
}
