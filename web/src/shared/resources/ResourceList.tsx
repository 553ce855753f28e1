import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Callout, CalloutText } from "@twilio-paste/core/callout";
import { PlusIcon } from "@twilio-paste/icons/esm/PlusIcon";
import { type ReactNode, useState } from "react";
import { useSearchParams } from "react-router";

import { useMay } from "@/shared/operator/OperatorContext";
import { ConfirmDialog } from "@/shared/ui/ConfirmDialog";
import { CursorPager } from "@/shared/ui/CursorPager";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { useToast } from "@/shared/ui/toasts";
import { fill, text } from "@/texts";

import { useDeleteRow, useRows } from "./api";
import type { Row } from "./fields";
import { ResourceForm } from "./ResourceForm";
import type { ResourceSpec } from "./spec";

type Asking = { readonly what: "create" } | { readonly what: "edit" | "delete"; readonly row: Row } | null;

/** The rows of a resource, with what the operator may do to them. */
export function ResourceList({ spec, aside }: { readonly spec: ResourceSpec; readonly aside?: ReactNode }) {
  const [params] = useSearchParams();
  const page = useRows(spec, params.get("cursor"));
  const toast = useToast();
  const mayWrite = useMay(spec.write) && !spec.readOnly;
  const mayRemove = useMay(spec.remove) && !spec.readOnly;
  const [asking, setAsking] = useState<Asking>(null);
  const mayEdit = mayWrite && spec.editable !== false;
  const actions: Column<Row> = {
    key: "actions",
    header: text.manage.actions,
    width: "16%",
    cell: (row) => (
      <RowActions
        name={spec.nameOf(row)}
        onEdit={mayEdit ? () => setAsking({ what: "edit", row }) : null}
        onDelete={mayRemove ? () => setAsking({ what: "delete", row }) : null}
      />
    ),
  };
  const create = mayWrite ? (
    <Button variant="primary" size="small" onClick={() => setAsking({ what: "create" })}>
      <PlusIcon decorative />
      {fill(text.manage.createTitle, { one: spec.one })}
    </Button>
  ) : null;
  const done = (template: string) => (row: Row) => {
    setAsking(null);
    toast(fill(template, { name: spec.nameOf(row) }));
  };
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      {spec.readOnly ? (
        <Callout variant="neutral">
          <CalloutText>{spec.readOnly}</CalloutText>
        </Callout>
      ) : null}
      <Box
        display="flex"
        flexWrap="wrap"
        alignItems="flex-end"
        justifyContent="space-between"
        columnGap="space50"
        rowGap="space40"
      >
        <Box>{aside}</Box>
        {create}
      </Box>
      <RowsTable
        what={spec.many}
        columns={mayEdit || mayRemove ? [...spec.columns, actions] : spec.columns}
        query={page}
        rows={page.data?.items ?? []}
        rowKey={({ sid }) => sid}
        empty={{ title: fill(text.manage.empty, { many: spec.many }), detail: spec.empty }}
        skeletonRows={4}
      />
      <CursorPager label={fill(text.manage.paging, { many: spec.many })} nextCursor={page.data?.nextCursor ?? null} />
      {asking?.what === "create" ? (
        <ResourceForm spec={spec} row={null} onSaved={done(text.manage.created)} onClose={() => setAsking(null)} />
      ) : null}
      {asking?.what === "edit" ? (
        <ResourceForm spec={spec} row={asking.row} onSaved={done(text.manage.saved)} onClose={() => setAsking(null)} />
      ) : null}
      {asking?.what === "delete" ? (
        <DeleteRow spec={spec} row={asking.row} onDeleted={done(text.manage.deleted)} onClose={() => setAsking(null)} />
      ) : null}
    </Box>
  );
}

interface RowActionsProps {
  readonly name: string;
  readonly onEdit: (() => void) | null;
  readonly onDelete: (() => void) | null;
}

function RowActions({ name, onEdit, onDelete }: RowActionsProps) {
  return (
    <Box display="flex" columnGap="space40">
      {onEdit ? (
        <Button variant="link" aria-label={`${text.manage.edit} ${name}`} onClick={onEdit}>
          {text.manage.edit}
        </Button>
      ) : null}
      {onDelete ? (
        <Button variant="destructive_link" aria-label={`${text.manage.delete} ${name}`} onClick={onDelete}>
          {text.manage.delete}
        </Button>
      ) : null}
    </Box>
  );
}

interface DeleteRowProps {
  readonly spec: ResourceSpec;
  readonly row: Row;
  readonly onDeleted: (row: Row) => void;
  readonly onClose: () => void;
}

function DeleteRow({ spec, row, onDeleted, onClose }: DeleteRowProps) {
  const remove = useDeleteRow(spec);
  const name = spec.nameOf(row);
  return (
    <ConfirmDialog
      title={fill(text.manage.deleteTitle, { one: spec.one })}
      detail={fill(spec.typedDelete ? text.manage.deleteAllDetail : text.manage.deleteDetail, { name })}
      submit={text.manage.delete}
      failed={fill(text.manage.notDeleted, { name })}
      error={remove.error}
      pending={remove.isPending}
      {...(spec.typedDelete ? { typed: name } : {})}
      onConfirm={() => remove.mutate(row, { onSuccess: () => onDeleted(row) })}
      onClose={onClose}
    />
  );
}
