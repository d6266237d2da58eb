/** A button for what writes: it shows the plan and asks before, and says what was done after. */
import { Button, type ButtonProps, CloseButton, Dialog, Field, Portal, Stack, Textarea } from "@chakra-ui/react";
import { type ReactNode, useState } from "react";
import { type ActionName, type AnswerOf, type BodyOf, type Outcome, useAct, useMay } from "@/api/actions";
import { useOpenDialog } from "./dialogs";
import { OutcomeView } from "./Outcome";
import { Failure } from "./states";

export const LONGEST_REASON = 900;

/** What somebody chose in the question. */
export type Options = Readonly<Record<string, string | boolean>>;

export interface ActionProps<Name extends ActionName> {
  name: Name;
  /** On the button, and on the one that confirms. */
  label: string;
  /** The question. */
  title: string;
  /** What will happen, drawn when somebody asks for it. */
  plan: () => ReactNode;
  body: (reason: string, options: Options) => BodyOf<Name>;
  asksForReason?: boolean;
  /** Further fields of the question, and what they begin with. */
  options?: Options;
  fields?: (options: Options, change: (change: Options) => void) => ReactNode;
  /** Why it cannot be done as things stand; empty: it can. */
  obstacle?: string;
  /** What was done, drawn from the answer; without it, as most actions answer. */
  outcome?: (answer: AnswerOf<Name>) => ReactNode;
  size?: "lg" | "xl";
  button?: ButtonProps;
  icon?: ReactNode;
  done?: () => void;
}

/** Nothing for a user who may not do it. */
export function ActionButton<Name extends ActionName>(props: ActionProps<Name>) {
  const may = useMay();
  const openDialog = useOpenDialog();
  if (!may(props.name)) return null;
  return (
    <Button
      size="sm"
      variant="outline"
      {...props.button}
      disabled={Boolean(props.obstacle)}
      title={props.obstacle || undefined}
      onClick={() => openDialog(<Confirmation {...props} close={() => openDialog(null)} />)}
    >
      {props.icon}
      {props.label}
    </Button>
  );
}

function Confirmation<Name extends ActionName>(props: ActionProps<Name> & { close: () => void }) {
  const { name, title, label, plan, body, fields, asksForReason = false, size = "lg", close, done } = props;
  const action = useAct(name);
  const [reason, setReason] = useState("");
  const [options, setOptions] = useState(props.options ?? {});
  const answer = action.data;
  const outcome = props.outcome ?? ((given) => <OutcomeView outcome={given as Outcome} />);
  const incomplete = asksForReason && reason.trim() === "";
  const confirm = () => action.mutate(body(reason.trim(), options), { onSuccess: () => done?.() });
  return (
    <Dialog.Root
      open
      size={size}
      role="alertdialog"
      scrollBehavior="inside"
      onOpenChange={({ open }) => open || close()}
    >
      <Portal>
        <Dialog.Backdrop />
        <Dialog.Positioner>
          <Dialog.Content>
            <Dialog.Header>
              <Dialog.Title>{title}</Dialog.Title>
            </Dialog.Header>
            <Dialog.Body>
              <Stack gap={4}>
                {answer ? outcome(answer) : plan()}
                {!answer && fields?.(options, (change) => setOptions({ ...options, ...change }))}
                {!answer && asksForReason && <Reason value={reason} change={setReason} />}
                {action.error && <Failure error={action.error} />}
              </Stack>
            </Dialog.Body>
            <Dialog.Footer>
              <Button variant="outline" colorPalette="gray" onClick={close}>
                {answer ? "Close" : "Cancel"}
              </Button>
              {!answer && (
                <Button onClick={confirm} loading={action.isPending} disabled={incomplete}>
                  {label}
                </Button>
              )}
            </Dialog.Footer>
            <Dialog.CloseTrigger asChild>
              <CloseButton size="sm" colorPalette="gray" aria-label="Close" />
            </Dialog.CloseTrigger>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}

export function Reason({ value, change }: { value: string; change: (value: string) => void }) {
  return (
    <Field.Root required>
      <Field.Label>
        Reason <Field.RequiredIndicator />
      </Field.Label>
      <Textarea
        value={value}
        maxLength={LONGEST_REASON}
        rows={2}
        placeholder="Why, for those who look at it later"
        onChange={(event) => change(event.target.value)}
      />
    </Field.Root>
  );
}
