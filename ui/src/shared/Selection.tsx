import { Checkbox, Table } from "@chakra-ui/react";
import type { Selection } from "./DataTable";

interface BoxProps {
  label: string;
  checked: boolean | "indeterminate";
  toggle: (checked: boolean) => void;
}

function Tick({ label, checked, toggle }: BoxProps) {
  return (
    <Checkbox.Root size="sm" checked={checked} onCheckedChange={(change) => toggle(change.checked === true)}>
      <Checkbox.HiddenInput aria-label={label} />
      <Checkbox.Control />
    </Checkbox.Root>
  );
}

export function SelectRow({ name, isSelected, toggle }: { name: string; isSelected: boolean; toggle: () => void }) {
  return <Tick label={`Select ${name}`} checked={isSelected} toggle={toggle} />;
}

/** Selects all rows that are loaded, or none. */
export function SelectAll({ ids, selection }: { ids: readonly string[]; selection: Selection }) {
  const chosen = ids.filter((id) => selection.ids.has(id)).length;
  const checked = chosen === 0 ? false : chosen === ids.length ? true : "indeterminate";
  return (
    <Table.ColumnHeader>
      <Tick
        label={`Select all ${ids.length} loaded rows`}
        checked={checked}
        toggle={(all) => selection.change(new Set(all ? ids : []))}
      />
    </Table.ColumnHeader>
  );
}
