/** Webhooks and admission policies in tables. upstream: pkg/printers/internalversion/printers.go */
import type {
  MutatingWebhookConfiguration,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from "../generated/types/admissionregistration-v1.ts";
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
} from "../generated/types/admissionregistration-v1beta1.ts";
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

function paramKindText({ spec }: Loose<MutatingAdmissionPolicy | ValidatingAdmissionPolicy>): string {
  const kind = spec?.paramKind;
  return kind === undefined ? "<unset>" : `${kind.apiVersion ?? ""}/${kind.kind ?? ""}`;
}

const bindingPrinter: Printer = {
  columns: columns("Name~|PolicyName|ParamRef|Age"),
  cells: (
    binding: Loose<MutatingAdmissionPolicyBinding | ValidatingAdmissionPolicyBinding>,
    nowMs: number,
  ) => [
    nameOf(binding),
    binding.spec?.policyName ?? "",
    parameterText(binding.spec?.paramRef),
    ageOf(binding, nowMs),
  ],
};

/** Of v1beta1. */
export const earlyAdmissionregistrationPrinters: PrintersByKind = {
  MutatingAdmissionPolicy: {
    columns: columns("Name~|Mutations#|ParamKind|Age"),
    cells: (policy: Loose<MutatingAdmissionPolicy>, nowMs: number) => [
      nameOf(policy),
      (policy.spec?.mutations ?? []).length,
      paramKindText(policy),
      ageOf(policy, nowMs),
    ],
  },
  MutatingAdmissionPolicyBinding: bindingPrinter,
};

export const admissionregistrationPrinters: PrintersByKind = {
  MutatingWebhookConfiguration: webhooksPrinter,
  ValidatingAdmissionPolicy: {
    columns: columns("Name~|Validations#|ParamKind|Age"),
    cells: (policy: Loose<ValidatingAdmissionPolicy>, nowMs: number) => [
      nameOf(policy),
      (policy.spec?.validations ?? []).length,
      paramKindText(policy),
      ageOf(policy, nowMs),
    ],
  },
  ValidatingAdmissionPolicyBinding: bindingPrinter,
  ValidatingWebhookConfiguration: webhooksPrinter,
};
