import { Checkbox } from "@chakra-ui/react";

export interface TickProps {
  label: string;
  checked: boolean;
  change: (checked: boolean) => void;
}

/** A choice of yes or no, with its words beside it. */
export function Tick({ label, checked, change }: TickProps) {
  return (
    <Checkbox.Root checked={checked} onCheckedChange={(to) => change(to.checked === true)}>
      <Checkbox.HiddenInput />
      <Checkbox.Control />
      <Checkbox.Label>{label}</Checkbox.Label>
    </Checkbox.Root>
  );
}
