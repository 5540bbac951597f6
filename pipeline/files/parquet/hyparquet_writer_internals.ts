/**
 * Functions of hyparquet-writer that its package exports by path, and its index does not: they write one column of a row group. They
 * are not a public interface, so a test pins the version. Its compression is what ours is compared with.
 */
export { writeColumn } from "hyparquet-writer/src/column.js";
export { writePageHeader } from "hyparquet-writer/src/datapage.js";
export { useDictionary } from "hyparquet-writer/src/dictionary.js";
export { snappyCompress } from "hyparquet-writer/src/snappy.js";
