import element from "./element.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import main from "./main.js" with { type: "text" };
import operation from "./operation.js" with { type: "text" };
import page from "./page.html" with { type: "text" };
import prediction from "./prediction.js" with { type: "text" };
import request from "./request.js" with { type: "text" };
import schema from "./schema.js" with { type: "text" };
import style from "./style.css" with { type: "text" };

export { page };

export interface PageFile {
  readonly type: string;
  readonly text: string;
}

const script = (text: string): PageFile => ({ type: "text/javascript; charset=utf-8", text });

/** The page's scripts, styles and icon by name, all of them embedded in the program. */
export const files: ReadonlyMap<string, PageFile> = new Map([
  ["style.css", { type: "text/css; charset=utf-8", text: style }],
  ["icon.svg", { type: "image/svg+xml", text: icon }],
  ["main.js", script(main)],
  ["element.js", script(element)],
  ["operation.js", script(operation)],
  ["prediction.js", script(prediction)],
  ["request.js", script(request)],
  ["schema.js", script(schema)],
]);
