import { Code } from "@chakra-ui/react";

/** The id of a rule, as docs/rules.md lists it. */
export function RuleLink({ rule }: { rule: string }) {
  return <Code size="sm">{rule}</Code>;
}
