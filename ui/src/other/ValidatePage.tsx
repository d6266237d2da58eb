import { Checkbox, HStack, Input, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useMay } from "@/api/actions";
import { fleet } from "@/api/queries";
import { Page } from "@/shared/Page";
import { rowsOf } from "@/shared/PagedTable";
import { useParams } from "@/shared/params";
import { Nothing } from "@/shared/states";
import { useValidation, Verdicts } from "@/shared/Verdicts";
import { type EditorHandle, YamlEditor } from "@/shared/YamlEditor";

const SUGGESTIONS = 20;

/** Checks what is typed, pasted or dropped as a cluster would. The text stays in the browser and is stored nowhere. */
export function ValidatePage() {
  const may = useMay();
  const [params, change] = useParams();
  const [text, setText] = useState("");
  const editor = useRef<EditorHandle>(null);
  const fabric = params.get("fabric") ?? "";
  const strict = params.get("strict") === "1";
  const validation = useValidation({ text, fabric, strict });
  if (!may("validate")) {
    return (
      <Page title="Validate" name="Validate">
        <Nothing title="You may not check texts">
          It needs the permission to trigger hedgehog_pull_request_validation.
        </Nothing>
      </Page>
    );
  }
  return (
    <Page title="Validate" name="Validate">
      <Stack gap={3}>
        <HStack gap={4} wrap="wrap">
          <FabricInput value={fabric} change={(name) => change({ fabric: name })} />
          <Checkbox.Root
            checked={strict}
            onCheckedChange={({ checked }) => change({ strict: checked === true ? "1" : null })}
          >
            <Checkbox.HiddenInput />
            <Checkbox.Control />
            <Checkbox.Label>Warnings are errors</Checkbox.Label>
          </Checkbox.Root>
        </HStack>
        <Text fontSize="sm" color="fg.muted">
          Paste or drop YAML.{" "}
          {fabric
            ? `It is checked beside the other objects of ${fabric}.`
            : "Name a fabric to check it beside its objects."}
        </Text>
        <YamlEditor
          ref={editor}
          label="YAML to check"
          placeholder={"apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\n…"}
          value={text}
          change={setText}
          rows={12}
          drop
        />
        <Verdicts validation={validation} text={text} goTo={(line) => editor.current?.goTo(line)} />
      </Stack>
    </Page>
  );
}

/** The name of a fabric, with suggestions from the server as it is typed. */
function FabricInput({ value, change }: { value: string; change: (name: string) => void }) {
  const query = useInfiniteQuery(fleet({ search: value, limit: SUGGESTIONS, sort: "name" }));
  return (
    <>
      <Input
        size="sm"
        width="260px"
        aria-label="Fabric"
        placeholder="Fabric (optional)"
        list="hedgehog-fabrics"
        value={value}
        onChange={(event) => change(event.target.value)}
      />
      <datalist id="hedgehog-fabrics">
        {rowsOf(query.data).map((row) => (
          <option key={row.name} value={row.name} />
        ))}
      </datalist>
    </>
  );
}
