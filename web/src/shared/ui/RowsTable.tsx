import { Box } from "@twilio-paste/core/box";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";
import { Table, TBody, Td, Th, THead, Tr } from "@twilio-paste/core/table";
import { Fragment, type ReactNode } from "react";

import { text } from "@/texts";

import { EmptyNotice, ErrorNotice } from "./notices";
import { useHasTableRoom } from "./useMediaQuery";

export interface Column<Row> {
  readonly key: string;
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
  readonly align?: "left" | "right";
  /** A share of the table's width: columns stay where they are when rows change. */
  readonly width: `${number}%`;
  /** Left out where there is no room for a table. */
  readonly wideOnly?: boolean;
}

/** The part of a query that decides which of the four states is shown. */
export interface ListState {
  readonly isPending: boolean;
  readonly isError: boolean;
  readonly isFetching: boolean;
  readonly error: unknown;
  readonly refetch: () => unknown;
}

interface RowsTableProps<Row> {
  /** Names the table for screen readers, and what could not be loaded. */
  readonly what: string;
  readonly columns: readonly Column<Row>[];
  readonly query: ListState;
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly empty: { readonly title: string; readonly detail: string; readonly action?: ReactNode };
  readonly skeletonRows?: number;
  /** Shown under a row across its whole width, or null. */
  readonly below?: (row: Row) => ReactNode;
}

/** A list in its four states: loading, empty, error, rows. Rows are a table, and cards where there is no room for one. */
export function RowsTable<Row>(props: RowsTableProps<Row>) {
  const { what, query, rows, empty } = props;
  const hasRoom = useHasTableRoom();
  const Rows = hasRoom ? TableRows : CardRows;
  if (query.isPending) return <Rows {...props} rows={[]} pending />;
  if (query.isError && rows.length === 0) {
    return (
      <ErrorNotice what={what} error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />
    );
  }
  if (rows.length === 0) return <EmptyNotice {...empty} />;
  return <Rows {...props} pending={false} />;
}

type RowsProps<Row> = RowsTableProps<Row> & { readonly pending: boolean };

function TableRows<Row>({ what, columns, rows, rowKey, below, pending, skeletonRows = 3 }: RowsProps<Row>) {
  return (
    <Box
      borderRadius="borderRadius30"
      borderStyle="solid"
      borderWidth="borderWidth10"
      borderColor="colorBorderWeaker"
      overflow="hidden"
    >
      <Table variant="borderless" tableLayout="fixed" aria-busy={pending}>
        <ScreenReaderOnly as="caption">{what}</ScreenReaderOnly>
        <THead>
          <Tr>
            {columns.map(({ key, header, align = "left", width }) => (
              <Th key={key} textAlign={align} width={width as never}>
                {header}
              </Th>
            ))}
          </Tr>
        </THead>
        <TBody>
          {pending ? <SkeletonRows columns={columns.length} rows={skeletonRows} /> : null}
          {rows.map((row) => {
            const under = below?.(row) ?? null;
            return (
              <Fragment key={rowKey(row)}>
                <Tr>
                  {columns.map(({ key, cell, align = "left" }) => (
                    <Td key={key} textAlign={align}>
                      {cell(row)}
                    </Td>
                  ))}
                </Tr>
                {under === null ? null : (
                  <Tr>
                    <Td colSpan={columns.length}>{under}</Td>
                  </Tr>
                )}
              </Fragment>
            );
          })}
        </TBody>
      </Table>
    </Box>
  );
}

function SkeletonRows({ columns, rows }: { readonly columns: number; readonly rows: number }) {
  return (
    <>
      {Array.from({ length: rows }, (_, row) => (
        <Tr key={row}>
          {Array.from({ length: columns }, (__, column) => (
            <Td key={column}>
              {row === 0 && column === 0 ? <ScreenReaderOnly>{text.shell.loading}</ScreenReaderOnly> : null}
              <SkeletonLoader height="sizeIcon20" />
            </Td>
          ))}
        </Tr>
      ))}
    </>
  );
}

function CardRows<Row>({ what, columns, rows, rowKey, below, pending, skeletonRows = 3 }: RowsProps<Row>) {
  const [title, ...others] = columns.filter((column) => column.wideOnly !== true);
  return (
    <Box
      as="ul"
      aria-label={what}
      aria-busy={pending}
      margin="space0"
      padding="space0"
      listStyleType="none"
      display="flex"
      flexDirection="column"
      rowGap="space40"
    >
      {pending
        ? Array.from({ length: skeletonRows }, (_, row) => (
            <Card key={row}>
              {row === 0 ? <ScreenReaderOnly>{text.shell.loading}</ScreenReaderOnly> : null}
              <SkeletonLoader height="sizeIcon20" width="60%" />
              <Box marginTop="space40">
                <SkeletonLoader height="sizeIcon20" />
              </Box>
            </Card>
          ))
        : null}
      {rows.map((row) => (
        <Card key={rowKey(row)}>
          <Box fontWeight="fontWeightSemibold" marginBottom="space30" overflowWrap="anywhere">
            {title?.cell(row)}
          </Box>
          <Box as="dl" margin="space0" display="flex" flexWrap="wrap" columnGap="space50" rowGap="space10">
            {others.map(({ key, header, cell }) => (
              <Box key={key} display="flex" columnGap="space20" minWidth="0">
                <Box as="dt" color="colorTextWeak">
                  {header}
                </Box>
                <Box as="dd" margin="space0" minWidth="0" overflowWrap="anywhere">
                  {cell(row)}
                </Box>
              </Box>
            ))}
          </Box>
          <Under>{below?.(row)}</Under>
        </Card>
      ))}
    </Box>
  );
}

function Under({ children }: { readonly children: ReactNode }) {
  if (children === null || children === undefined) return null;
  return <Box marginTop="space40">{children}</Box>;
}

function Card({ children }: { readonly children: ReactNode }) {
  return (
    <Box
      as="li"
      padding="space50"
      borderRadius="borderRadius30"
      borderStyle="solid"
      borderWidth="borderWidth10"
      borderColor="colorBorderWeaker"
      color="colorText"
      fontSize="fontSize30"
      lineHeight="lineHeight30"
    >
      {children}
    </Box>
  );
}
