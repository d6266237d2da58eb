import { Badge, type BadgeProps } from "@chakra-ui/react";
import { CircleAlert, CircleCheck, CircleDashed, CirclePause, CircleX, type LucideIcon, RefreshCw } from "lucide-react";
import { look, type Tone } from "./words";

const ICONS: Record<Tone, LucideIcon> = {
  green: CircleCheck,
  blue: RefreshCw,
  orange: CircleAlert,
  red: CircleX,
  purple: CirclePause,
  gray: CircleDashed,
};

interface Props extends Omit<BadgeProps, "colorPalette"> {
  state: string;
  /** Shown instead of the word of the state. */
  label?: string | undefined;
  reason?: string | undefined;
}

/** A state as a word with a sign and a colour; its reason is in the tooltip. */
export function Status({ state, label, reason, ...rest }: Props) {
  const { word, tone } = look(state);
  const Icon = ICONS[tone];
  return (
    <Badge colorPalette={tone} variant="subtle" title={reason || undefined} {...rest}>
      <Icon size={12} aria-hidden />
      {label ?? word}
    </Badge>
  );
}
