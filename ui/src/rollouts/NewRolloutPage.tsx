import { Button, Field, HStack, Input, NativeSelect, Stack, Text } from "@chakra-ui/react";
import { useState } from "react";
import { type BodyOf, useAct, useMay } from "@/api/actions";
import { SelectorField, selectionOf } from "@/freezes/SelectorField";
import { ActionButton } from "@/shared/ActionButton";
import { addresses } from "@/shared/addresses";
import { Inside } from "@/shared/links";
import { Page } from "@/shared/Page";
import { useParams } from "@/shared/params";
import { Failure, Nothing } from "@/shared/states";
import { YamlEditor } from "@/shared/YamlEditor";
import { PlannedRollout } from "./PlannedRollout";
import { listed, secondsOf } from "./waves";

type Body = BodyOf<"start-rollout">;

interface Form {
  name: string;
  text: string;
  select: string;
  canary: string;
  waves: string;
  most: string;
  soak: string;
  timeout: string;
  approve: Body["approve"];
  failure: Body["on_failure"];
}

const EMPTY: Form = {
  ...{ name: "", text: "", select: "", canary: "", waves: "1,10%,50%", most: "", soak: "15", timeout: "30" },
  approve: "canary",
  failure: "hold",
};

const EXAMPLE = `apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {name: "\${fabric}-ntp"}
spec: {description: "time for \${site}"}
---
apiVersion: hedgehog-airflow/v1
kind: Change
metadata: {name: ntp}
spec: {delete: ["Server/default/\${fabric}-old"]}
`;

function bodyOf(form: Form, reason: string, dryRun: boolean): Body {
  return {
    ...selectionOf(form.select),
    name: form.name.trim(),
    text: form.text,
    canary: listed(form.canary),
    waves: listed(form.waves),
    max_unavailable: form.most.trim() || null,
    soak_seconds: secondsOf(form.soak, 0),
    timeout_seconds: Math.max(1, secondsOf(form.timeout, 1800)),
    approve: form.approve,
    on_failure: form.failure,
    reason,
    dry_run: dryRun,
  };
}

/** Makes a rollout: the change, its fabrics and its waves; it is planned for every fabric before it can begin. */
export function NewRolloutPage() {
  const may = useMay();
  const [params] = useParams();
  const [form, setForm] = useState<Form>({ ...EMPTY, select: params.get("select") ?? "" });
  const plan = useAct("start-rollout");
  // What was planned is what can be begun: after another change of the form, it must be planned again.
  const [planned, setPlanned] = useState<Form | null>(null);
  const change = (what: Partial<Form>) => setForm({ ...form, ...what });
  const ask = () => plan.mutate(bodyOf(form, "a dry run, on a page", true), { onSuccess: () => setPlanned(form) });
  if (!may("start-rollout")) {
    return (
      <Page title="New rollout" name="New rollout">
        <Nothing title="You may not begin rollouts">It needs the permission to trigger hedgehog_rollout.</Nothing>
      </Page>
    );
  }
  return (
    <Page title="New rollout" name="New rollout">
      <Stack gap={4} maxW="1100px">
        <Text color="fg.muted">
          One change for many fabrics, wave by wave. {`\${name}`} stands for a variable of each fabric, {`\${fabric}`}{" "}
          for its name. Nothing is written before every fabric is planned and checked.
        </Text>
        <Fields form={form} change={change} />
        <HStack gap={2}>
          <Button onClick={ask} loading={plan.isPending} disabled={form.name.trim() === "" || form.text.trim() === ""}>
            Plan
          </Button>
          {plan.data && planned === form && <Start form={planned} />}
          {plan.data && planned !== form && <Text color="fg.muted">It was changed: plan it again.</Text>}
        </HStack>
        {plan.error && <Failure error={plan.error} />}
        {plan.data && planned === form && <PlannedRollout planned={plan.data} />}
      </Stack>
    </Page>
  );
}

function Start({ form }: { form: Form }) {
  return (
    <ActionButton
      name="start-rollout"
      label="Begin"
      title={`Begin the rollout ${form.name.trim()}?`}
      asksForReason
      plan={() => (
        <Text>
          The first wave begins at once. It can be paused, aborted and taken back at any time; what it does is in the
          history of each fabric, with the reason.
        </Text>
      )}
      body={(reason) => bodyOf(form, reason, false)}
      outcome={({ number, name }) => (
        <Text role="status">
          Begun: <Inside to={addresses.rollout(number ?? 0)}>rollout {name}</Inside>
        </Text>
      )}
    />
  );
}

interface FieldsProps {
  form: Form;
  change: (change: Partial<Form>) => void;
}

type Typed = "name" | "canary" | "waves" | "most" | "soak" | "timeout";

const TYPED: readonly { name: Typed; label: string; hint: string; width: string }[] = [
  { name: "name", label: "Name", hint: "Letters, digits, . _ and -", width: "220px" },
  { name: "canary", label: "Canaries", hint: "The fabrics of the first wave.", width: "220px" },
  { name: "waves", label: "Waves", hint: "How many have it after each; the rest is the last.", width: "220px" },
  { name: "most", label: "Most of a wave", hint: "As in 20 or 5%. Empty: no limit.", width: "180px" },
  { name: "soak", label: "Soak (minutes)", hint: "To watch each fabric after it converged.", width: "180px" },
  { name: "timeout", label: "Timeout (minutes)", hint: "To converge.", width: "180px" },
];

function Fields({ form, change }: FieldsProps) {
  return (
    <Stack gap={4}>
      <YamlEditor
        label="The change as YAML"
        placeholder={EXAMPLE}
        value={form.text}
        change={(text) => change({ text })}
        rows={12}
        drop
      />
      <SelectorField value={form.select} change={(select) => change({ select })} />
      <HStack gap={3} wrap="wrap" align="start">
        {TYPED.map(({ name, label, hint, width }) => (
          <Field.Root key={name} width={width} required={name === "name"}>
            <Field.Label>{label}</Field.Label>
            <Input value={form[name]} maxLength={2000} onChange={(event) => change({ [name]: event.target.value })} />
            <Field.HelperText>{hint}</Field.HelperText>
          </Field.Root>
        ))}
      </HStack>
      <HStack gap={3} wrap="wrap" align="start">
        <Choice
          label="Approval"
          value={form.approve}
          words={{ none: "None", canary: "Before the second wave", wave: "Before every further wave" }}
          change={(approve) => change({ approve })}
        />
        <Choice
          label="When a fabric fails"
          value={form.failure}
          words={{ hold: "Pause", rollback: "Take all of it back" }}
          change={(failure) => change({ failure })}
        />
      </HStack>
    </Stack>
  );
}

interface ChoiceProps<Value extends string> {
  label: string;
  value: Value;
  words: Record<Value, string>;
  change: (value: Value) => void;
}

function Choice<Value extends string>({ label, value, words, change }: ChoiceProps<Value>) {
  return (
    <Field.Root width="240px">
      <Field.Label>{label}</Field.Label>
      <NativeSelect.Root>
        <NativeSelect.Field value={value} onChange={(event) => change(event.currentTarget.value as Value)}>
          {(Object.entries(words) as [Value, string][]).map(([one, word]) => (
            <option key={one} value={one}>
              {word}
            </option>
          ))}
        </NativeSelect.Field>
        <NativeSelect.Indicator />
      </NativeSelect.Root>
    </Field.Root>
  );
}
