import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { useUID } from "@twilio-paste/core/uid-library";
import { type ReactNode, useRef, useState } from "react";

import { toCsv } from "@/shared/format/csv";
import { download } from "@/shared/ui/download";
import { text } from "@/texts";

import { exportPicture } from "./exportPicture";
import { usePalette } from "./palette";

const words = text.analytics;

export type CellValue = string | number | null;

interface ChartCardProps {
  readonly title: string;
  /** The names of the table's columns; the first is the period. */
  readonly columns: readonly string[];
  /** The chart's numbers as rows: what the table shows and the CSV holds. */
  readonly rows: readonly (readonly CellValue[])[];
  /** How a row's cells read; the CSV keeps the plain numbers. */
  readonly show?: (value: CellValue, column: number) => ReactNode;
  readonly aside?: ReactNode;
  readonly note?: ReactNode;
  readonly children: ReactNode;
}

/** A chart with its table, and both to take along. */
export function ChartCard({ title, columns, rows, show = plain, aside, note, children }: ChartCardProps) {
  const id = useUID();
  const chart = useRef<HTMLDivElement>(null);
  const [asTable, setAsTable] = useState(false);
  const { surface } = usePalette();
  const name = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const saveCsv = (): void =>
    download(`${name}.csv`, new Blob([toCsv([columns, ...rows])], { type: "text/csv;charset=utf-8" }));
  return (
    <Box
      as="section"
      aria-labelledby={id}
      minWidth="0"
      padding="space60"
      borderRadius="borderRadius30"
      borderStyle="solid"
      borderWidth="borderWidth10"
      borderColor="colorBorderWeaker"
    >
      <Box
        display="flex"
        flexWrap="wrap"
        alignItems="center"
        columnGap="space40"
        rowGap="space30"
        marginBottom="space50"
      >
        <Box
          as="h2"
          id={id}
          margin="space0"
          flex="1 1 auto"
          color="colorText"
          fontSize="fontSize40"
          lineHeight="lineHeight40"
          fontWeight="fontWeightBold"
        >
          {title}
        </Box>
        {aside}
        <Box display="flex" columnGap="space40">
          <Button
            variant="link"
            aria-pressed={asTable}
            aria-label={`${asTable ? words.showChart : words.showTable}, ${title}`}
            onClick={() => setAsTable(!asTable)}
          >
            {asTable ? words.showChart : words.showTable}
          </Button>
          <Button variant="link" aria-label={`${words.csv}, ${title}`} onClick={saveCsv}>
            {words.csv}
          </Button>
          {asTable ? null : (
            <Button
              variant="link"
              aria-label={`${words.png}, ${title}`}
              onClick={() => void exportPicture(chart.current, name, surface)}
            >
              {words.png}
            </Button>
          )}
        </Box>
      </Box>
      {asTable ? (
        <Numbers title={title} columns={columns} rows={rows} show={show} />
      ) : (
        <div ref={chart}>{children}</div>
      )}
      {note ? (
        <Box marginTop="space40" color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight20">
          {note}
        </Box>
      ) : null}
    </Box>
  );
}

const plain = (value: CellValue): ReactNode => value ?? text.noValueMark;

type NumbersProps = Pick<ChartCardProps, "title" | "columns" | "rows"> & {
  readonly show: NonNullable<ChartCardProps["show"]>;
};

export function Numbers({ title, columns, rows, show }: NumbersProps) {
  return (
    <Box overflow="auto" maxHeight="size40" tabIndex={0} role="group" aria-label={title}>
      <Box as="table" width="100%" style={TABLE} color="colorText" fontSize="fontSize30" lineHeight="lineHeight30">
        <thead>
          <tr>
            {columns.map((column, position) => (
              <Cell key={column} as="th" first={position === 0}>
                {column}
              </Cell>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={String(row[0])}>
              {row.map((value, column) => (
                // oxlint-disable-next-line react/no-array-index-key -- columns keep their places
                <Cell key={column} as="td" first={column === 0}>
                  {show(value, column)}
                </Cell>
              ))}
            </tr>
          ))}
        </tbody>
      </Box>
    </Box>
  );
}

const TABLE = { borderCollapse: "collapse" } as const;

function Cell({
  as,
  first,
  children,
}: {
  readonly as: "th" | "td";
  readonly first: boolean;
  readonly children: ReactNode;
}) {
  return (
    <Box
      as={as}
      paddingX="space30"
      paddingY="space20"
      textAlign={first ? "left" : "right"}
      fontWeight={as === "th" ? "fontWeightSemibold" : "fontWeightNormal"}
      borderBottomStyle="solid"
      borderBottomWidth="borderWidth10"
      borderBottomColor="colorBorderWeaker"
      whiteSpace="nowrap"
    >
      {children}
    </Box>
  );
}
