import { Heading, HStack, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { freezes, windows } from "@/api/queries";
import type { Freeze, Window } from "@/api/types";
import { ActionButton } from "@/shared/ActionButton";
import { addresses } from "@/shared/addresses";
import { type Column, DataTable } from "@/shared/DataTable";
import { Inside, Name } from "@/shared/links";
import { Page } from "@/shared/Page";
import { Status } from "@/shared/Status";
import { Nothing, Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { counted, span } from "@/shared/words";
import { FreezeSelection } from "./FreezeSelection";
import { selectionOf } from "./SelectorField";
import { WindowButton } from "./WindowButton";

/** When nothing is written to Git and clusters: freezes in force, and the windows outside of which work waits. */
export function FreezesPage() {
  const frozen = useQuery(freezes());
  const opening = useQuery(windows());
  return (
    <Page title="Freezes and change windows" name="Freezes">
      <Stack gap={8}>
        <Section title="Freezes" aside={<FreezeSelection />}>
          <Read query={frozen} what="freezes" rows={2}>
            {(rows) =>
              rows.length === 0 ? (
                <Nothing title="Nothing is frozen" />
              ) : (
                <DataTable
                  label="Freezes"
                  columns={FREEZES}
                  rows={rows}
                  idOf={(row) => `${row.selector} ${row.frozen_at}`}
                />
              )
            }
          </Read>
        </Section>
        <Section title="Change windows" aside={<WindowButton />}>
          <Read query={opening} what="change windows" rows={2}>
            {(rows) =>
              rows.length === 0 ? (
                <Nothing title="There are no change windows">Fabrics without one may be written at any time.</Nothing>
              ) : (
                <DataTable label="Change windows" columns={WINDOWS} rows={rows} idOf={(row) => row.name} />
              )
            }
          </Read>
        </Section>
      </Stack>
    </Page>
  );
}

function Section({ title, aside, children }: { title: string; aside: ReactNode; children: ReactNode }) {
  return (
    <Stack as="section" gap={2} aria-label={title}>
      <HStack justify="space-between">
        <Heading as="h2" size="sm">
          {title}
        </Heading>
        {aside}
      </HStack>
      {children}
    </Stack>
  );
}

/** The fabrics that a selector fits, as a link to them. */
function Selected({ selector }: { selector: string }) {
  if (selector === "") return <Inside to={addresses.fleet}>All fabrics</Inside>;
  return (
    <Inside to={`${addresses.fleet}?${new URLSearchParams({ select: selector })}`}>
      <Name>{selector}</Name>
    </Inside>
  );
}

function Lift({ freeze: { selector, reason } }: { freeze: Freeze }) {
  return (
    <ActionButton
      name="unfreeze"
      label="Lift"
      title={`Lift the freeze of ${selector === "" ? "all fabrics" : selector}?`}
      plan={() => (
        <Text overflowWrap="anywhere">
          It was made because: <Name>{reason}</Name>. What waited for its end is due at once, unless another freeze or a
          closed window holds it.
        </Text>
      )}
      body={() => selectionOf(selector)}
      button={{ size: "xs" }}
    />
  );
}

function Delete({ window: { name, fabrics } }: { window: Window }) {
  return (
    <ActionButton
      name="delete-window"
      label="Delete"
      title={`Delete the window ${name}?`}
      plan={() => (
        <Text>
          {counted(fabrics, "fabric")} may be written at any time then, unless another window is for them. What waited
          for this one is planned again.
        </Text>
      )}
      body={() => ({ name })}
      button={{ size: "xs" }}
    />
  );
}

const FREEZES: readonly Column<Freeze>[] = [
  { id: "selector", header: "Fabrics", width: 240, cell: (row) => <Selected selector={row.selector} /> },
  { id: "reason", header: "Reason", width: 360, cell: (row) => <Name>{row.reason}</Name> },
  {
    id: "until",
    header: "Ends",
    width: 150,
    cell: (row) => (row.until ? <Time at={row.until} full /> : "when it is lifted"),
  },
  { id: "by", header: "By", width: 150, cell: (row) => <Name>{row.frozen_by}</Name> },
  { id: "since", header: "Since", width: 150, cell: (row) => <Time at={row.frozen_at} full /> },
  { id: "do", header: "Actions", width: 100, cell: (row) => <Lift freeze={row} /> },
];

const WINDOWS: readonly Column<Window>[] = [
  { id: "name", header: "Window", width: 150, cell: (row) => <Name>{row.name}</Name> },
  {
    id: "state",
    header: "Now",
    width: 100,
    cell: (row) => <Status state={row.is_open ? "ok" : "waiting"} label={row.is_open ? "Open" : "Closed"} />,
  },
  { id: "selector", header: "Fabrics", width: 220, cell: (row) => <Selected selector={row.selector} /> },
  { id: "count", header: "Count", width: 70, cell: (row) => row.fabrics },
  { id: "cron", header: "Opens", width: 150, cell: (row) => <Name>{row.cron}</Name> },
  { id: "span", header: "For", width: 110, cell: (row) => span(row.minutes) },
  { id: "zone", header: "Time zone", width: 130, cell: (row) => <Name>{row.time_zone}</Name> },
  {
    id: "next",
    header: "Next opening",
    width: 150,
    cell: (row) => (row.opens_at ? <Time at={row.opens_at} full /> : "never"),
  },
  { id: "by", header: "By", width: 120, cell: (row) => <Name>{row.created_by}</Name> },
  {
    id: "do",
    header: "Actions",
    width: 160,
    cell: (row) => (
      <HStack gap={1}>
        <WindowButton window={row} />
        <Delete window={row} />
      </HStack>
    ),
  },
];
