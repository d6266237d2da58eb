/** Edits an object: the text, what would change and what a cluster would refuse, a reason, and only then the writing. */
import { Button, Checkbox, CloseButton, Dialog, Portal, Stack, Tabs, Text } from "@chakra-ui/react";
import { Pencil } from "lucide-react";
import { useState } from "react";
import { useAct, useMay } from "@/api/actions";
import type { ObjectDetail } from "@/api/types";
import { Reason } from "@/shared/ActionButton";
import { ChangedView } from "@/shared/Outcome";
import { useParams } from "@/shared/params";
import { Failure } from "@/shared/states";
import { TextDiff } from "@/shared/TextDiff";
import { useValidation, Verdicts } from "@/shared/Verdicts";
import { YamlEditor } from "@/shared/YamlEditor";

/** `?edit=1` opens it. Nothing for a user who may not edit, or for what the database does not have. */
export function EditButton({ detail }: { detail: ObjectDetail }) {
  const may = useMay();
  const [params, change] = useParams();
  if (!may("edit") || detail.text === null) return null;
  return (
    <>
      <Button size="sm" variant="outline" onClick={() => change({ edit: "1" })}>
        <Pencil size={14} aria-hidden />
        Edit
      </Button>
      {params.get("edit") && <EditDialog detail={detail} original={detail.text} close={() => change({ edit: null })} />}
    </>
  );
}

interface Props {
  detail: ObjectDetail;
  original: string;
  close: () => void;
}

/** What an edit is made of, and whether it can be saved. */
function useEdit(detail: ObjectDetail, original: string) {
  // What the edit is based on, even when the object changes meanwhile: the server refuses it then, with 409.
  const [base] = useState({ text: original, digest: detail.digest });
  const [text, setText] = useState(base.text);
  const [reason, setReason] = useState("");
  const [anyway, setAnyway] = useState(false);
  const action = useAct("edit");
  const validation = useValidation({ text, fabric: detail.fabric });
  const refused = validation.data?.valid === false;
  const isReady = text !== base.text && reason.trim() !== "" && (!refused || anyway);
  const save = () =>
    action.mutate({
      fabric: detail.fabric,
      text,
      digest: base.digest,
      reason: reason.trim(),
      dry_run: false,
      allow_invalid: anyway,
    });
  return { base, text, setText, reason, setReason, anyway, setAnyway, action, validation, refused, isReady, save };
}

type Edit = ReturnType<typeof useEdit>;

function EditDialog({ detail, original, close }: Props) {
  const edit = useEdit(detail, original);
  const { action } = edit;
  return (
    <Dialog.Root open size="xl" scrollBehavior="inside" onOpenChange={({ open }) => open || close()}>
      <Portal>
        <Dialog.Backdrop />
        <Dialog.Positioner>
          <Dialog.Content>
            <Dialog.Header>
              <Dialog.Title>
                Edit {detail.kind} {detail.name}
              </Dialog.Title>
            </Dialog.Header>
            <Dialog.Body>
              {action.data ? <ChangedView outcome={action.data} /> : <EditForm edit={edit} />}
              {action.error && <Failure error={action.error} />}
            </Dialog.Body>
            <Dialog.Footer>
              <Button variant="outline" colorPalette="gray" onClick={close}>
                {action.data ? "Close" : "Cancel"}
              </Button>
              {!action.data && (
                <Button onClick={edit.save} disabled={!edit.isReady} loading={action.isPending}>
                  Save
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

function EditForm({ edit }: { edit: Edit }) {
  return (
    <Stack gap={3}>
      <Text fontSize="sm" color="fg.muted">
        It is stored in the database, and Git and the cluster follow with the next syncs, which are due at once; a
        fabric that lives in Git gets a commit.
      </Text>
      <Views text={edit.text} base={edit.base.text} change={edit.setText} />
      <Verdicts validation={edit.validation} text={edit.text} />
      {edit.refused && (
        <Checkbox.Root checked={edit.anyway} onCheckedChange={({ checked }) => edit.setAnyway(checked === true)}>
          <Checkbox.HiddenInput />
          <Checkbox.Control />
          <Checkbox.Label>Store it anyway; it is held until it is corrected</Checkbox.Label>
        </Checkbox.Root>
      )}
      <Reason value={edit.reason} change={edit.setReason} />
    </Stack>
  );
}

function Views({ text, base, change }: { text: string; base: string; change: (text: string) => void }) {
  return (
    <Tabs.Root defaultValue="text" size="sm" lazyMount>
      <Tabs.List>
        <Tabs.Trigger value="text">Text</Tabs.Trigger>
        <Tabs.Trigger value="changes">Your changes</Tabs.Trigger>
      </Tabs.List>
      <Tabs.Content value="text">
        <YamlEditor label="The object as YAML" value={text} change={change} rows={14} />
      </Tabs.Content>
      <Tabs.Content value="changes">
        <TextDiff before={base} after={text} label="Your changes" />
      </Tabs.Content>
    </Tabs.Root>
  );
}
