import { Code } from "@chakra-ui/react";
import { addresses } from "./addresses";
import { Inside } from "./links";

/** The id of a rule; its page says what must hold, why, and what to do. */
export function RuleLink({ rule }: { rule: string }) {
  return (
    <Inside to={addresses.rule(rule)}>
      <Code size="sm">{rule}</Code>
    </Inside>
  );
}
