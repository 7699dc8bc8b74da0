/** EndpointSlices in tables. upstream: pkg/printers/internalversion/printers.go */
import type { EndpointSlice } from "../generated/types/discovery-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { ageOf, columns, firstFew, nameOf, type PrintersByKind } from "../meta/printer.ts";

const shownMax = 3;

function portsText({ ports }: Loose<EndpointSlice>): string {
  const texts = (ports ?? []).map(({ port, name }) => (port === undefined ? (name ?? "*") : String(port)));
  return firstFew(texts, shownMax, "<unset>");
}

const endpointsText = ({ endpoints }: Loose<EndpointSlice>): string =>
  firstFew(
    (endpoints ?? []).flatMap(({ addresses }) => addresses ?? []),
    shownMax,
    "<unset>",
  );

export const discoveryPrinters: PrintersByKind = {
  EndpointSlice: {
    columns: columns("Name~|AddressType|Ports|Endpoints|Age"),
    cells: (slice: Loose<EndpointSlice>, nowMs: number) => [
      nameOf(slice),
      slice.addressType ?? "",
      portsText(slice),
      endpointsText(slice),
      ageOf(slice, nowMs),
    ],
  },
};
