/** Webhooks and admission policies in tables. upstream: pkg/printers/internalversion/printers.go */
import type {
  MutatingWebhookConfiguration,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from "../generated/types/admissionregistration-v1.ts";
import { formatSelector } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import { ageOf, columns, nameOf, type Printer, type PrintersByKind } from "../meta/printer.ts";

const webhooksPrinter: Printer = {
  columns: columns("Name~|Webhooks#|Age"),
  cells: (
    configuration: Loose<MutatingWebhookConfiguration | ValidatingWebhookConfiguration>,
    nowMs: number,
  ) => [nameOf(configuration), (configuration.webhooks ?? []).length, ageOf(configuration, nowMs)],
};

function parameterText(parameter: Loose<ParamRef> | undefined): string {
  if (parameter === undefined) return "<unset>";
  const { name = "", namespace = "", selector } = parameter;
  if (name !== "") return `${namespace === "" ? "*" : namespace}/${name}`;
  return selector === undefined ? "<unset>" : formatSelector(selector);
}

export const admissionregistrationPrinters: PrintersByKind = {
  MutatingWebhookConfiguration: webhooksPrinter,
  ValidatingAdmissionPolicy: {
    columns: columns("Name~|Validations#|ParamKind|Age"),
    cells: (policy: Loose<ValidatingAdmissionPolicy>, nowMs: number) => {
      const kind = policy.spec?.paramKind;
      return [
        nameOf(policy),
        (policy.spec?.validations ?? []).length,
        kind === undefined ? "<unset>" : `${kind.apiVersion ?? ""}/${kind.kind ?? ""}`,
        ageOf(policy, nowMs),
      ];
    },
  },
  ValidatingAdmissionPolicyBinding: {
    columns: columns("Name~|PolicyName|ParamRef|Age"),
    cells: (binding: Loose<ValidatingAdmissionPolicyBinding>, nowMs: number) => [
      nameOf(binding),
      binding.spec?.policyName ?? "",
      parameterText(binding.spec?.paramRef),
      ageOf(binding, nowMs),
    ],
  },
  ValidatingWebhookConfiguration: webhooksPrinter,
};
