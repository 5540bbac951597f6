import { basename } from "node:path";
import type { LookObserver } from "../pipeline/init/profile.ts";
import type { Terminal } from "./cli/terminal.ts";
import { printable } from "../pipeline/files/columns/printable.ts";
import type { LeftFile } from "../pipeline/init/folder.ts";
import type { Proposal, ProposedFeature } from "../pipeline/init/proposal.ts";

const width = 13;

/** Shows how far a file has been read, where all of its rows are looked at. */
export function lookObserver(terminal: Terminal): LookObserver {
  return ({ path, rows, rowsTotal }) =>
    terminal.progress({ stage: `looking at ${basename(path)}`, done: rows, total: rowsTotal, unit: "rows" });
}

/** Describes what was taken for what, in lines for people. */
export function describeProposal(
  { features, leftOut, findings }: Proposal,
  left: readonly LeftFile[] = [],
): string[] {
  const [notes, found] = [
    findings.filter(({ about }) => about === "note"),
    findings.filter(({ about }) => about !== "note"),
  ];
  const types = [...new Set(features.map(({ type }) => type))];
  return [
    ...found.map(({ about, text }) => about === "file" ? text : line(about, text)),
    ...types.map((type) =>
      line(
        type === "time" ? "time parts" : type,
        shownFeatures(features.filter((feature) => feature.type === type)),
      )
    ),
    ...leftOut.map(({ column, why }) => line("left out", `${printable(column)}: ${why}`)),
    ...left.map(({ file, why }) => line("not read", `${printable(file)}: ${why}`)),
    ...notes.map(({ text }) => line("note", text)),
  ];
}

/** Features of a type that are listed; the spec has all. */
const featuresShown = 60;

function shownFeatures(features: readonly ProposedFeature[]): string {
  const more = features.length - featuresShown;
  const shown = features.slice(0, featuresShown).map(shownFeature).join(", ");
  return more > 0 ? `${shown} and ${more.toLocaleString("en")} more` : shown;
}

function line(heading: string, text: string): string {
  return `  ${heading.padEnd(width)}${text}`;
}

function shownFeature(feature: ProposedFeature): string {
  const name = printable(feature.name);
  switch (feature.type) {
    case "numeric":
      return feature.transform ? `${name} (${feature.transform})` : name;
    case "categorical":
      return feature.hash ? `${name} (hash ${feature.hash})` : name;
    case "ordinal":
      return `${name} (${feature.levels.join(" < ")})`;
    case "time":
      return `${name} (${feature.parts.join(", ")}${
        feature.since === undefined ? "" : ` since ${printable(feature.since)}`
      })`;
    case "words":
      return name;
  }
}
