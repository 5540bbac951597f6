import type { TextFormat } from "../files/text/text_format.ts";
import type { ColumnType } from "../store/table.ts";

/** What to make of files: tables, the view of the examples and the feature spec. The texts of the files follow from it. */
export interface Proposal {
  readonly tables: readonly ProposedTable[];
  readonly view: ProposedView;
  readonly label: ProposedLabel;
  /** Columns of the view. */
  readonly id: string;
  readonly group: string;
  readonly time?: string;
  /** How rows are held out; absent for the default. */
  readonly split?: "time";
  readonly weight?: string;
  readonly features: readonly ProposedFeature[];
  readonly leftOut: readonly LeftOutColumn[];
  /** The format of the text files. */
  readonly format: TextFormat;
  /** What was taken for what, and why. */
  readonly findings: readonly Finding[];
}

export interface ProposedTable {
  readonly name: string;
  readonly paths: readonly string[];
  readonly columns: readonly ProposedColumn[];
  /** Names of the key's columns. */
  readonly key: readonly string[];
  /** Whether the key is a row number that the files do not have: the store gives it. */
  readonly isNumbered: boolean;
  /** Columns by which rows are found, besides the key. */
  readonly indexes?: readonly string[];
}

export interface ProposedColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** Its meaning and unit: the comment at the end of its line in the schema. */
  readonly comment: string;
  readonly isRequired: boolean;
}

/** The view of the examples: a table with a row for each, the parents that are joined to it, and the columns of these tables. */
export interface ProposedView {
  /** The table with a row for each example. */
  readonly child: string;
  readonly joins: readonly ProposedJoin[];
  /** Without the label, unless it is a column as it is. */
  readonly columns: readonly ProposedViewColumn[];
}

export interface ProposedJoin {
  readonly parent: string;
  /** Its name in the view: another than the table's if the table is joined twice. */
  readonly alias: string;
  /** The key of the parent. */
  readonly key: string;
  /** The table in the view whose `column` refers to it: the child, or a parent that is joined before. */
  readonly from: string;
  readonly column: string;
  /** Further columns of both, if the key has several. */
  readonly also?: readonly { readonly column: string; readonly key: string }[];
  /** Whether a child without a parent is an example, too. */
  readonly isOptional: boolean;
  /** The parent has a row for each change: the newest one known at the time of the example is joined. */
  readonly asOf?: { readonly knownAt: string; readonly time: string };
}

export interface ProposedViewColumn {
  /** Its name in the view. */
  readonly name: string;
  /** The name of its table in the view. */
  readonly table: string;
  readonly column: string;
}

/** The label of the view, by the name of its column. */
export type ProposedLabel =
  /** A column of two values. `positive` is the one that means 1; absent for 0 and 1. */
  | { readonly is: "column"; readonly name: string; readonly positive?: string }
  /** 1 where `table` has a row whose `column` equals the child's `childColumn`. */
  | {
    readonly is: "exists";
    readonly name: string;
    readonly table: string;
    readonly column: string;
    readonly childColumn: string;
  }
  /** Two counts of the child: each row is two examples, of the label 1 and 0, that are weighted by the counts. */
  | {
    readonly is: "ratio";
    readonly name: string;
    /** The key of the child, from which the ids of the two examples are made. */
    readonly key: string;
    /** The name in the view of the table that has the clicks, if it is not the child. */
    readonly clicksTable?: string;
    readonly clicks: string;
    readonly impressions: string;
  };

/** An entry of the spec's `features`. `name` is a column of the view. */
export type ProposedFeature =
  | { readonly name: string; readonly type: "numeric"; readonly transform?: "log1p" }
  | {
    readonly name: string;
    readonly type: "categorical";
    readonly minCount?: number;
    readonly hash?: number;
  }
  | { readonly name: string; readonly type: "ordinal"; readonly levels: readonly string[] }
  | {
    readonly name: string;
    readonly type: "time";
    readonly parts: readonly TimePart[];
    readonly since?: string;
  }
  | { readonly name: string; readonly type: "words"; readonly minCount?: number };

export type TimePart = "hour" | "weekday" | "month" | "age";

/** A column that is not a feature, why, and the feature that it would be. */
export interface LeftOutColumn {
  readonly column: string;
  readonly why: string;
  readonly feature: ProposedFeature;
}

/** A finding, under the heading of what it is about. */
export interface Finding {
  readonly about: "file" | "key" | "join" | "label" | "group" | "time" | "feature" | "left out" | "note";
  readonly text: string;
}
