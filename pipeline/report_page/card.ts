import { type Content, type Markup, markup, shortened } from "./markup.ts";
import type { Grade } from "./verdict.ts";

const gradeWords: Readonly<Record<Grade, string>> = { good: "Good", fair: "Fair", poor: "Look closer" };

/** A grade in a word and a colour. */
export function badge(grade: Grade): Markup {
  return markup`<span class="grade ${grade}">${gradeWords[grade]}</span>`;
}

/** What a plot or a table shows, whether that is good, and how to read it. */
export interface Card {
  readonly title: Content;
  /** What is shown and whether it is good, in a sentence or two. */
  readonly says: Content;
  readonly grade?: Grade | undefined;
  /** The plots or tables. */
  readonly shows: Content;
  readonly legend?: readonly LegendEntry[];
  /** How to read what is shown. */
  readonly how?: Content;
  /** What is shown on request, below. */
  readonly more?: Content;
  /** Takes the whole width of the page. */
  readonly isWide?: boolean;
}

export interface LegendEntry {
  /** Class of the mark beside the words: how and in which colour it is drawn. */
  readonly mark: string;
  readonly words: Content;
}

export function cardOf({ title, says, grade, shows, legend = [], how, more, isWide = false }: Card): Markup {
  return markup`<figure class="card${isWide ? " wide" : ""}">
<figcaption><h3>${title}</h3><p>${grade && badge(grade)}${grade && " "}${says}</p></figcaption>
${shows}${legend.length > 0 ? markup`<ul class="legend">${legend.map(legendEntry)}</ul>` : undefined}${
    how === undefined ? undefined : markup`<p class="how">${how}</p>`
  }${more}
</figure>
`;
}

function legendEntry({ mark, words }: LegendEntry): Markup {
  return markup`<li><i class="mark ${mark}"></i>${words}</li>`;
}

/** A part of the page, to which its table of contents leads. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly says?: Content;
  readonly cards: Content;
}

export function sectionOf({ id, title, says, cards }: Section): Markup {
  return markup`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${says === undefined ? undefined : markup`<p class="lead">${says}</p>\n`}<div class="cards">
${cards}</div>
</section>
`;
}

const nameLengthMax = 120;

/** A user's name or level, which may be long, or written from right to left. */
export function named(name: string): Markup {
  return markup`<bdi class="name">${shortened(name, nameLengthMax)}</bdi>`;
}

export interface Table {
  /** What the table has, for those who do not see it. */
  readonly label: string;
  readonly head: readonly string[];
  /** The first cell of a row names it. */
  readonly rows: readonly (readonly Content[])[];
}

/** A table that scrolls by itself if the screen is narrow. */
export function tableOf({ label, head, rows }: Table): Markup {
  return markup`<div class="table" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${head.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${
    rows.map(([name, ...cells]) =>
      markup`<tr><th scope="row">${name}</th>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`
    )
  }</tbody>
</table></div>`;
}

/** What is shown on request; printed in any case. */
export function detailsOf(summary: Content, content: Content): Markup {
  return markup`<details><summary>${summary}</summary>${content}</details>`;
}
