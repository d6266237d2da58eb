import { CircleAlert, CircleCheck, CircleDashed, CirclePause, CircleX, type LucideIcon, RefreshCw } from "lucide-react";
import type { ReactNode } from "react";
import { look, type Tone } from "./words";

const ICONS: Record<Tone, LucideIcon> = {
  green: CircleCheck,
  blue: RefreshCw,
  orange: CircleAlert,
  red: CircleX,
  purple: CirclePause,
  gray: CircleDashed,
};

interface Props {
  state: string;
  /** Shown instead of the word of the state. */
  label?: string | undefined;
  reason?: string | undefined;
}

/** A state as a word with a sign and a colour; its reason is in the tooltip. */
export function Status({ state, label, reason }: Props) {
  const { word, tone } = look(state);
  const Icon = ICONS[tone];
  return (
    <Tag tone={tone} title={reason}>
      <Icon size={12} aria-hidden />
      {label ?? word}
    </Tag>
  );
}

/** A few words on a ground of their own. */
export function Tag({ tone, title, children }: { tone: Tone; title?: string | undefined; children: ReactNode }) {
  return (
    <span className="hedgehog-tag" data-tone={tone} title={title || undefined}>
      {children}
    </span>
  );
}
