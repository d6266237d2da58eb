import { Table } from "@chakra-ui/react";
import type { Selection } from "./DataTable";

interface BoxProps {
  label: string;
  checked: boolean | "indeterminate";
  toggle: (checked: boolean) => void;
}

/** The browser's own: one for each row, of which each of Chakra's is three components with a state of their own. */
function Tick({ label, checked, toggle }: BoxProps) {
  return (
    <input
      type="checkbox"
      aria-label={label}
      checked={checked === true}
      ref={(box) => {
        if (box) box.indeterminate = checked === "indeterminate";
      }}
      onChange={(event) => toggle(event.target.checked)}
      style={{ accentColor: "var(--chakra-colors-blue-solid)", width: 16, height: 16, display: "block" }}
    />
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
