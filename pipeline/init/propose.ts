import type { ColumnProfile } from "./column_profile.ts";
import { fieldsOf, withSomeFeature } from "./fields.ts";
import { freeName } from "./free_name.ts";
import { joinedFormat } from "./joined_format.ts";
import {
  existsFinding,
  fileFindings,
  joinFindings,
  keyFinding,
  labelFinding,
  ratioFinding,
  roleFindings,
} from "./findings.ts";
import { compositeReferences } from "./composite_references.ts";
import { type JoinTree, joinTreeOf } from "./join_tree.ts";
import { common, type KeyTable, keyTableOf } from "./key_table.ts";
import { joinedValues } from "./joined_values.ts";
import { labelName } from "./label_table.ts";
import { chooseLabel, type LabelChoice } from "./label_choice.ts";
import { labelsOfColumn, labelsOfKeys, withoutLeaks } from "./leak_search.ts";
import { namedJoinsOf } from "./named_joins.ts";
import { withOutcome } from "./outcome_levels.ts";
import type { TableProfile } from "./profile.ts";
import type { Finding, Proposal, ProposedLabel, ProposedTable } from "./proposal.ts";
import { proposedTablesOf } from "./proposed_tables.ts";
import { withClicksJoined } from "./ratio_label.ts";
import { findReferences, type KeySearch, type KeySearchResult, withNullShares } from "./references.ts";
import { requireConnected, timeMisses } from "./unconnected.ts";
import { judgedHere, type UnjudgedProposal } from "./unjudged_proposal.ts";
import { exampleTime, groupLeftOut, rolesOf, type ViewRoles } from "./roles.ts";
import { type ViewField, viewFieldsOf } from "./view_fields.ts";
import { keepsGroups } from "./time_split.ts";

/** What the user has said; what is absent is found. */
export interface Wishes {
  readonly label?: string;
  readonly group?: string;
  readonly time?: string;
  /** Joins, each as TABLE.COLUMN=TABLE.KEY. */
  readonly join?: readonly string[];
}

/**
 * Proposes a table, the view and a feature spec for one file.
 *
 * @throws {Failure} `usage-invalid` if the label is not clear, or a column is named that the file does not have;
 *   `examples-invalid` if the label does not have two values.
 */
export function propose(profile: TableProfile, wishes: Wishes = {}): Proposal {
  const choice = chooseLabel([profile], { references: [], nearMisses: [] }, wishes.label);
  return judgedHere(proposalOf(choice, joinTreeOf(profile.name, [profile.name], []), [profile], wishes));
}

export interface TablesOptions {
  /** Whether the user named the file of a table: then it must join. A table that was found in a folder may be left out. */
  readonly isNamed: (profile: TableProfile) => boolean;
  readonly searchKeys: (searches: readonly KeySearch[]) => Promise<readonly KeySearchResult[]>;
}

/**
 * Proposes tables, the view that joins them and a feature spec for several files.
 *
 * @throws {Failure} `usage-invalid` if the label is not clear, a file does not join, or a column is named that no file has;
 *   `examples-invalid` if the label does not have two values.
 */
export async function proposeTables(
  profiles: readonly TableProfile[],
  wishes: Wishes,
  { isNamed, searchKeys }: TablesOptions,
): Promise<UnjudgedProposal> {
  const tables = profiles.map(keyTableOf);
  const named = namedJoinsOf(profiles, wishes.join ?? []);
  const { references: single, nearMisses } = await findReferences({ tables, named, searchKeys });
  const references = [...single, ...compositeReferences(profiles, single)];
  // Rows of changes are no examples, and what changed is no outcome.
  const ofThings = single.filter(({ knownAt }) => knownAt === undefined);
  const found = { references: ofThings, nearMisses };
  const choice = await withClicked(chooseLabel(profiles, found, wishes.label), tables, searchKeys);
  const joinable = profiles.filter(({ name }) => !(choice.is === "exists" && choice.by.table === name));
  const names = joinable.map(({ name }) => name);
  const among = references.filter(({ table, parent }) => names.includes(table) && names.includes(parent));
  const checked = await withNullShares(among, { tables, searchKeys });
  const time = exampleTime(choice.examples, wishes.time);
  const joining = choice.is === "ratio" ? withClicksJoined(choice, checked) : checked;
  const tree = joinTreeOf(choice.examples.name, names, joining, time);
  const misses = time === undefined ? [...timeMisses(checked), ...nearMisses] : nearMisses;
  requireConnected(tree, profiles, { isNamed, nearMisses: misses });
  return proposalOf(choice, { ...tree, nearMisses: misses }, profiles, wishes);
}

/** Looks up which of the examples that were looked at have a row in the table of the label. */
async function withClicked(
  choice: LabelChoice,
  tables: readonly KeyTable[],
  searchKeys: TablesOptions["searchKeys"],
): Promise<LabelChoice> {
  if (choice.is !== "exists") return choice;
  const columnOf = (table: string, column: string) =>
    tables.find(({ name }) => name === table)?.columns.find(({ name }) => name === column);
  const { by } = choice;
  const wanted = columnOf(by.examples, by.key)?.values() ?? new Set();
  const outcomes = tables.find(({ name }) => name === by.table);
  if (outcomes?.isComplete) {
    return { ...choice, clicked: common(wanted, columnOf(by.table, by.column)?.values() ?? new Set()) };
  }
  const [result] = await searchKeys([{ table: by.table, column: by.column, wanted }]);
  return { ...choice, clicked: result.found };
}

interface Parts {
  readonly choice: LabelChoice;
  readonly tree: JoinTree;
  /** The columns of the view, without the label. */
  readonly fields: readonly ViewField[];
  readonly tables: readonly ProposedTable[];
  readonly profiles: readonly TableProfile[];
  readonly wishes: Wishes;
}

function proposalOf(
  choice: LabelChoice,
  tree: JoinTree,
  profiles: readonly TableProfile[],
  wishes: Wishes,
): UnjudgedProposal {
  const tables = proposedTablesOf(choice, tree, profiles);
  const counts: readonly (ColumnProfile | undefined)[] = choice.is === "ratio"
    ? [choice.clicks, choice.impressions, ...choice.clicksTable?.columns ?? []]
    : [];
  const fields = viewFieldsOf(tree, profiles, tables).filter(({ column }) => !counts.includes(column));
  const parts = { choice, tree, fields, tables, profiles, wishes };
  const key = rootKey(parts);
  const label = labelOf(parts, key);
  const roles = rolesOf({ ...parts, examples: choice.examples }, new Set([key, label.name]));
  const isFeature = (field: ViewField) =>
    field.name !== key && field.name !== label.name && field !== roles.group &&
    !field.isNumber;
  const { proposed, rows } = featuresOf(parts, fields.filter(isFeature), roles);
  const used = profiles.filter(({ name }) => tables.some((table) => table.name === name));
  const names = [...fields.map(({ name }) => name), label.name];
  const isRatio = choice.is === "ratio";
  const id = isRatio ? freeName("example_id", names) : key;
  const known: Omit<Proposal, "features" | "leftOut" | "findings"> = {
    tables,
    view: {
      child: tree.root,
      joins: tree.joins.map(({ table, isOuter, reference: { also }, ...join }) => ({
        ...join,
        ...also ? { also } : {},
        parent: table,
        isOptional: isOuter,
      })),
      columns: fields.map(({ name, alias, column }) => ({
        name,
        table: alias,
        column: column.name,
      })),
    },
    label,
    id,
    group: roles.group?.name ?? key,
    ...roles.time ? { time: roles.time.name } : {},
    ...keepsGroups(roles.straddling) ? { split: "time" } : {},
    ...isRatio ? { weight: freeName("weight", [...names, id]) } : {},
    format: joinedFormat(used),
  };
  const findings = findingsOf(parts, used, roles);
  return {
    rows,
    judged(leaks) {
      const { warnings, ...kept } = withoutLeaks(proposed, leaks);
      const { features, leftOut } = withSomeFeature(kept);
      return {
        ...known,
        features,
        leftOut: [
          ...roles.group ? [groupLeftOut(roles.group.name, keepsGroups(roles.straddling))] : [],
          ...leftOut,
        ],
        findings: [...findings, ...warnings.map((text) => ({ about: "note", text }) as const)],
      };
    },
  };
}

/** Proposes the features, and the rows in which to search for those that leak. */
function featuresOf({ choice, tree, profiles }: Parts, fields: readonly ViewField[], roles: ViewRoles) {
  const alone = fieldsOf(fields, roles.time?.name);
  const labels = choice.is === "column"
    ? labelsOfColumn(choice.found)
    : choice.is === "exists"
    ? labelsOfKeys(choice.examples, choice.by.key, choice.clicked)
    : undefined;
  if (!labels) return { proposed: alone, rows: undefined };
  const valuesAt = joinedValues(tree, profiles);
  const valuesOf = (field: ViewField | undefined) => field && valuesAt(field.alias, field.column);
  const withValues = (field: ViewField) => ({
    ...field,
    column: { ...field.column, values: valuesAt(field.alias, field.column) },
  });
  const mayHaveLevels = ({ name }: ViewField) =>
    [...alone.features, ...alone.leftOut.map(({ feature }) => feature)].some((feature) =>
      feature.name === name && feature.type === "categorical"
    );
  const proposed = withOutcome(alone, fields.filter(mayHaveLevels).map(withValues), labels);
  const isFeature = (field: ViewField) => proposed.features.some(({ name }) => name === field.name);
  const rows = {
    columns: fields.filter(isFeature).map((field) => {
      const { name, column: { kind, values } } = withValues(field);
      return { name, kind, values };
    }),
    labels,
    group: valuesOf(roles.group),
    time: valuesOf(roles.time),
  };
  return { proposed, rows };
}

function rootKey({ tree, tables }: Parts): string {
  const [key] = tables.find(({ name }) => name === tree.root)?.key ?? [];
  return key;
}

function labelOf({ choice, fields, tree }: Parts, key: string): ProposedLabel {
  const names = fields.map(({ name }) => name);
  switch (choice.is) {
    case "column": {
      const { column, positive } = choice.found;
      return { is: "column", name: column.name, ...positive === undefined ? {} : { positive } };
    }
    case "exists": {
      const { table, column, key: childColumn } = choice.by;
      return { is: "exists", name: freeName(labelName(table), names), table, column, childColumn };
    }
    case "ratio": {
      const { clicks, clicksTable, impressions } = choice;
      const join = tree.joins.find(({ table }) => table === clicksTable?.name);
      return {
        is: "ratio",
        name: freeName("clicked", names),
        key,
        ...join ? { clicksTable: join.alias } : {},
        clicks: clicks.name,
        impressions: impressions.name,
      };
    }
  }
}

function findingsOf(parts: Parts, used: readonly TableProfile[], roles: ViewRoles): Finding[] {
  const { choice, tree, tables, profiles } = parts;
  const labelFindings = choice.is === "column"
    ? [labelFinding(choice.found)]
    : choice.is === "exists"
    ? [existsFinding(choice)]
    : [ratioFinding(choice)];
  const root = tables.filter(({ name }) => name === tree.root);
  return [
    ...used.flatMap(fileFindings),
    ...joinFindings(tree, profiles),
    ...root.map(keyFinding),
    ...labelFindings,
    ...roleFindings(choice.examples, {
      group: roles.group?.column,
      time: roles.time?.column,
      straddling: roles.straddling,
    }),
    ...used.flatMap(({ notes }) => notes.map((text) => ({ about: "note", text }) as const)),
  ];
}
