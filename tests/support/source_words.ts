/** The comments of a source, and the code without them and without the text of strings. */
export interface SourceParts {
  readonly comments: string;
  readonly code: string;
}

/**
 * Splits a TypeScript source. Regular expressions are not distinguished from divisions, so quotes in one can hide the rest of its line.
 */
export function splitSource(text: string): SourceParts {
  let comments = "";
  let code = "";
  const token = /\/\*[^]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g;
  let at = 0;
  for (const { 0: found, index } of text.matchAll(token)) {
    code += text.slice(at, index);
    if (found.startsWith("/")) comments += `${found.replace(/^\s*\* ?/gm, " ")}\n`;
    else if (found.startsWith("`")) {
      code += [...found.matchAll(/\$\{([^}]*)\}/g)].map(([, inner]) => ` ${inner} `).join("");
    }
    at = index + found.length;
  }
  return { comments, code: code + text.slice(at) };
}

/** Returns the words of the identifiers in code, in lower case: `createTally` has `create` and `tally`. */
export function identifierWords(code: string): Set<string> {
  const identifiers = new Set(code.match(/[A-Za-z_$][\w$]*/g));
  return new Set(
    [...identifiers].flatMap((name) => name.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []).map((word) =>
      word.toLowerCase()
    ),
  );
}
