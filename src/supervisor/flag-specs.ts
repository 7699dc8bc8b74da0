/** Options of one group, whose names begin alike. */
import type { OptionSpec } from "#base/options.ts";

type MakeSpec = (
  name: string,
  type: OptionSpec["type"],
  /** "": it takes no value. */
  placeholder: string,
  said: Pick<OptionSpec, "text" | "defaultText">,
) => OptionSpec;

/** `prefix`: "audit-" makes an option "audit-NAME" of "NAME". */
export const specsOf =
  (group: string, prefix = ""): MakeSpec =>
  (name, type, placeholder, said) => ({
    name: `${prefix}${name}`,
    type,
    ...(placeholder === "" ? {} : { placeholder }),
    group,
    ...said,
  });
