/**
 * Functions and tables of hyparquet that its package exports by path, and its index does not: the index reads whole columns
 * through an asynchronous buffer, these decode bytes at once. They are not a public interface, so a test pins the version.
 */
export { parquetHeader } from "hyparquet/src/column.js";
export {
  CompressionCodecs,
  ConvertedTypes,
  FieldRepetitionTypes,
  ParquetTypes,
} from "hyparquet/src/constants.js";
export { deltaBinaryUnpack } from "hyparquet/src/delta.js";
export { byteStreamSplit } from "hyparquet/src/encoding.js";
