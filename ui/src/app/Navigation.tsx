import { chakra, HStack, Link } from "@chakra-ui/react";
import { Link as RouterLink, useLocation } from "react-router-dom";
import { type Route, routeOf, SECTIONS, type Section } from "./routes";

/** The section that a page without an entry of its own belongs to. */
const PARENTS: Partial<Record<Route["page"], Section>> = {
  fabric: "fleet",
  object: "fleet",
  proposal: "proposals",
  rollout: "rollouts",
  "new-rollout": "rollouts",
};

/** Between our pages; Airflow's bar has one entry for all of them. */
export function Navigation() {
  const { page } = routeOf(useLocation().pathname);
  const current = PARENTS[page] ?? page;
  return (
    <chakra.nav aria-label="Hedgehog" mb={4} borderBottomWidth="1px">
      <HStack as="ul" gap={1} wrap="wrap" listStyleType="none">
        {SECTIONS.map((section) => {
          const here = section.page === current;
          return (
            <chakra.li key={section.page}>
              <Link
                asChild
                variant="plain"
                px={3}
                py={2}
                mb="-1px"
                borderBottomWidth="2px"
                borderColor={here ? "fg" : "transparent"}
                color={here ? "fg" : "fg.muted"}
                fontWeight={here ? "semibold" : "normal"}
                aria-current={here ? "page" : undefined}
              >
                <RouterLink to={section.to}>{section.label}</RouterLink>
              </Link>
            </chakra.li>
          );
        })}
      </HStack>
    </chakra.nav>
  );
}
