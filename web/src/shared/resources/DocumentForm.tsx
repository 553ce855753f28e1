import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";
import { type FormEvent, useState } from "react";
import * as v from "valibot";

import { ApiError } from "@/shared/api/apiError";
import { describeError } from "@/shared/api/describeError";
import { request } from "@/shared/api/request";
import { useMay } from "@/shared/operator/OperatorContext";
import type { Role } from "@/shared/operator/role";
import { ErrorNotice } from "@/shared/ui/notices";
import { useToast } from "@/shared/ui/toasts";
import { fill, text } from "@/texts";

import { bodyOf, faultOf, type FieldSpec, type Row, valuesOf, visible } from "./fields";
import { FormField } from "./ResourceForm";

const documentSchema = v.looseObject({});
export const documentKey = (path: string) => ["document", path] as const;

export const useDocument = (path: string) =>
  useQuery({ queryKey: documentKey(path), queryFn: ({ signal }) => request(path, documentSchema, { signal }) });

interface DocumentFormProps {
  readonly path: string;
  /** What could not be loaded, as the start of a sentence. */
  readonly what: string;
  readonly fields: readonly FieldSpec[];
  readonly write: Role;
  /** Why nothing can be changed by anybody; null when it can. */
  readonly readOnly?: string | null;
  readonly onSaved?: () => void;
}

/** One document that is always there, as a form in the page. Sends only what was changed. */
export function DocumentForm(props: DocumentFormProps) {
  const document = useDocument(props.path);
  if (document.data) return <Loaded key={document.dataUpdatedAt} {...props} row={{ sid: "", ...document.data }} />;
  if (document.isError) {
    return (
      <ErrorNotice
        what={props.what}
        error={document.error}
        onRetry={() => void document.refetch()}
        retrying={document.isFetching}
      />
    );
  }
  return <SkeletonLoader height="size30" />;
}

function Loaded({ path, fields, write, readOnly = null, onSaved, row }: DocumentFormProps & { readonly row: Row }) {
  const mayWrite = useMay(write) && readOnly === null;
  const client = useQueryClient();
  const toast = useToast();
  const [before] = useState(() => valuesOf(fields, row));
  const [values, setValues] = useState(before);
  const save = useMutation({ mutationFn: (body: unknown) => request(path, documentSchema, { method: "PUT", body }) });
  const shown = visible(fields, values);
  const refused = save.error instanceof ApiError ? save.error.faults : {};
  const faultAt = (field: FieldSpec): string | null =>
    faultOf(field, values[field.name] ?? "") ?? refused[field.name] ?? null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (shown.some((field) => faultOf(field, values[field.name] ?? "") !== null)) return;
    const body = bodyOf(fields, values, before);
    if (Object.keys(body).length === 0) return toast(text.manage.unchanged);
    save.mutate(body, {
      onSuccess: () => {
        toast(fill(text.manage.saved, { name: text.manage.changes }));
        void client.invalidateQueries({ queryKey: documentKey(path) });
        onSaved?.();
      },
      onError: (error) => toast(describeError(error), "error"),
    });
  };
  return (
    <Box as="form" onSubmit={submit} display="flex" flexDirection="column" rowGap="space60" maxWidth="40rem">
      {mayWrite ? null : (
        <Box color="colorTextWeak" fontSize="fontSize30" lineHeight="lineHeight30">
          {readOnly ?? text.manage.readOnly}
        </Box>
      )}
      <Box
        as="fieldset"
        disabled={!mayWrite}
        borderStyle="none"
        margin="space0"
        padding="space0"
        minWidth="0"
        display="flex"
        flexDirection="column"
        rowGap="space60"
      >
        {shown.map((field) => (
          <FormField
            key={field.name}
            field={field}
            value={values[field.name] ?? ""}
            fault={faultAt(field)}
            onChange={(value) => setValues((it) => ({ ...it, [field.name]: value }))}
          />
        ))}
        {mayWrite ? (
          <Box>
            <Button variant="primary" type="submit" loading={save.isPending}>
              {text.manage.save}
            </Button>
          </Box>
        ) : null}
      </Box>
    </Box>
  );
}
