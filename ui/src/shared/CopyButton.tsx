import { IconButton } from "@chakra-ui/react";
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

/** Copies *text*; *what* names it for screen readers. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 2_000);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () =>
    copied(text).then(
      () => setState("copied"),
      () => setState("failed"),
    );
  const label = { idle: `Copy ${what}`, copied: "Copied", failed: "The browser does not allow copying" }[state];
  return (
    <IconButton aria-label={label} title={label} size="2xs" variant="ghost" colorPalette="gray" onClick={copy}>
      {state === "copied" ? <Check size={12} /> : <Copy size={12} />}
    </IconButton>
  );
}

/** Puts *text* on the clipboard. Without https the browser has no `navigator.clipboard`; there a selection is copied. */
async function copied(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("not copied");
}
