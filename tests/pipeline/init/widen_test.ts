import assert from "node:assert/strict";
import type { Proposal, ProposedColumn } from "../../../pipeline/init/proposal.ts";
import { widenProposal } from "../../../pipeline/init/widen.ts";
import type { ColumnType } from "../../../pipeline/store/table.ts";

const columnOf = (name: string, type: ColumnType): ProposedColumn => ({
  name,
  type,
  comment: `a ${name}`,
  isRequired: false,
});

const proposal: Proposal = {
  tables: [
    {
      name: "mails",
      paths: ["mails.csv"],
      columns: [
        columnOf("id", "INTEGER"),
        columnOf("price", "REAL"),
        columnOf("sent", "INTEGER"),
        columnOf("opened", "INTEGER"),
      ],
      key: ["id"],
      isNumbered: false,
    },
    {
      name: "people",
      paths: ["people.csv"],
      columns: [columnOf("id", "INTEGER"), columnOf("born", "INTEGER"), columnOf("name", "TEXT")],
      key: ["id"],
      isNumbered: false,
    },
  ],
  view: {
    child: "mails",
    joins: [{
      parent: "people",
      alias: "sender",
      key: "id",
      from: "mails",
      column: "sender_id",
      isOptional: false,
    }],
    columns: [
      { name: "id", table: "mails", column: "id" },
      { name: "price", table: "mails", column: "price" },
      { name: "sent", table: "mails", column: "sent" },
      { name: "sender_born", table: "sender", column: "born" },
      { name: "opened", table: "mails", column: "opened" },
    ],
  },
  label: { is: "column", name: "opened" },
  id: "id",
  group: "id",
  features: [
    { name: "price", type: "numeric", transform: "log1p" },
    { name: "sent", type: "time", parts: ["age"], since: "sender_born" },
  ],
  leftOut: [{
    column: "sender_born",
    why: "it is constant",
    feature: { name: "sender_born", type: "numeric" },
  }],
  format: {},
  findings: [],
};

function widened(table: string, types: Readonly<Record<string, ColumnType>>): Proposal | undefined {
  return widenProposal(proposal, new Map([[table, new Map(Object.entries(types))]]));
}

Deno.test("widening a proposal: types that are not wider change nothing", () => {
  assert.equal(widened("mails", { price: "INTEGER", id: "INTEGER" }), proposal);
  assert.equal(widened("people", { name: "INTEGER" }), proposal);
  assert.equal(widened("others", { price: "TEXT" }), proposal);
});

Deno.test("widening a proposal: a feature of a column that becomes TEXT is a category, through an alias of its table too", () => {
  const text = widened("mails", { price: "TEXT" });
  assert.deepEqual(text?.tables[0].columns[1], {
    ...columnOf("price", "TEXT"),
    comment: "a price, but not all",
  });
  assert.deepEqual(text?.features[0], { name: "price", type: "categorical", minCount: 2 });
  const born = widened("people", { born: "TEXT" });
  assert.deepEqual(born?.leftOut[0].feature, { name: "sender_born", type: "categorical", minCount: 2 });
  assert.deepEqual(born?.features[1], { name: "sent", type: "time", parts: ["age"] });
  assert.deepEqual(widened("people", { born: "REAL" })?.features, proposal.features);
});

Deno.test("widening a proposal: label, weight and time keep their types", () => {
  assert.equal(widened("mails", { opened: "TEXT" }), undefined);
  const wider = new Map([["mails", new Map<string, ColumnType>([["sent", "TEXT"], ["price", "TEXT"]])]]);
  assert.notEqual(widenProposal(proposal, wider), undefined);
  assert.equal(widenProposal({ ...proposal, time: "sent" }, wider), undefined);
  assert.equal(widenProposal({ ...proposal, weight: "price" }, wider), undefined);
});
