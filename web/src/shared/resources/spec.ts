import type { Role } from "@/shared/operator/role";
import type { Column } from "@/shared/ui/RowsTable";

import type { FieldSpec, Row } from "./fields";

/** A kind of thing that is listed, created, changed and deleted through the REST door. */
export interface ResourceSpec {
  /** The list's path: `/api/users`. An item is under it by its sid. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** In sentences: "user", "Users". */
  readonly one: string;
  readonly many: string;
  readonly empty: string;
  readonly columns: readonly Column<Row>[];
  readonly fields: readonly FieldSpec[];
  readonly nameOf: (row: Row) => string;
  readonly write: Role;
  readonly remove: Role;
  /** False where nothing can be changed afterwards. */
  readonly editable?: boolean;
  /** Its name has to be typed before it goes, since much goes with it. */
  readonly typedDelete?: boolean;
  /** Why nothing can be changed now, for everybody. */
  readonly readOnly?: string | null;
}
