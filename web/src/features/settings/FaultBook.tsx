import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { useState } from "react";

import { describeError } from "@/shared/api/describeError";
import { formatCount } from "@/shared/format/numbers";
import { SelectField, TextField } from "@/shared/ui/Field";
import { FormDialog } from "@/shared/ui/FormDialog";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { useToast } from "@/shared/ui/toasts";
import { text } from "@/texts";

import { type Fault, useClearFaults, useFaults, useOrderFault } from "./api/sandbox";

const words = text.settings;
const PRODUCTS = ["openai", "conversations", "intelligence", "api", "segment"].map((value) => ({
  value,
  label: value,
}));
const STATUSES = ["500", "503", "429", "404", "401", "400", ""].map((value) => ({
  value,
  label: value || words.delay,
}));

const COLUMNS: readonly Column<Fault>[] = [
  { key: "product", header: words.product, width: "22%", cell: ({ product }) => product },
  {
    key: "status",
    header: words.status,
    width: "16%",
    cell: ({ status }) => (status === null ? text.noValueMark : String(status)),
  },
  { key: "delay", header: words.delay, width: "18%", cell: ({ delay_ms }) => formatCount(delay_ms) },
  { key: "count", header: words.count, width: "14%", cell: ({ count }) => formatCount(count) },
  { key: "path", header: words.path, width: "30%", cell: ({ path }) => path || text.noValueMark },
];

/** What is to go wrong next, on order. */
export function FaultBook() {
  const faults = useFaults();
  const clear = useClearFaults();
  const toast = useToast();
  const [ordering, setOrdering] = useState(false);
  const rows = faults.data?.items ?? [];
  return (
    <Box display="flex" flexDirection="column" rowGap="space40">
      <Box display="flex" columnGap="space30">
        <Button variant="secondary" size="small" onClick={() => setOrdering(true)}>
          {words.orderFault}
        </Button>
        {rows.length > 0 ? (
          <Button
            variant="secondary"
            size="small"
            loading={clear.isPending}
            onClick={() => clear.mutate(undefined, { onError: (error) => toast(describeError(error), "error") })}
          >
            {words.clear}
          </Button>
        ) : null}
      </Box>
      <RowsTable
        what={words.faultsWhat}
        columns={COLUMNS}
        query={faults}
        rows={rows}
        rowKey={(fault) => JSON.stringify(fault)}
        empty={{ title: words.faultsEmpty, detail: words.faultsEmptyDetail }}
        skeletonRows={1}
      />
      {ordering ? <OrderFault onClose={() => setOrdering(false)} /> : null}
    </Box>
  );
}

function OrderFault({ onClose }: { readonly onClose: () => void }) {
  const order = useOrderFault();
  const [product, setProduct] = useState("openai");
  const [status, setStatus] = useState("500");
  const [delay, setDelay] = useState("0");
  const [count, setCount] = useState("1");
  const [path, setPath] = useState("");
  const submit = (): void =>
    order.mutate(
      {
        product,
        ...(status ? { status: Number(status) } : {}),
        delay_ms: Number(delay) || 0,
        count: Number(count) || 1,
        ...(path.trim() ? { path: path.trim() } : {}),
      },
      { onSuccess: onClose },
    );
  return (
    <FormDialog
      title={words.orderTitle}
      submit={words.order}
      failed={words.orderFailed}
      error={order.error}
      pending={order.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <SelectField label={words.product} value={product} choices={PRODUCTS} onChange={setProduct} />
      <SelectField label={words.status} value={status} choices={STATUSES} onChange={setStatus} />
      <TextField type="number" label={words.delay} value={delay} onChange={setDelay} />
      <TextField type="number" label={words.count} value={count} onChange={setCount} />
      <TextField label={words.path} value={path} onChange={setPath} />
    </FormDialog>
  );
}
