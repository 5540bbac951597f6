import { row } from "./served_models.ts";

const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);
const withField = (name: string, value: string) =>
  JSON.stringify(row).replace("{", `{${JSON.stringify(name)}:${value},`);

/** Bodies that no well-meaning client sends, by what is odd about them. */
export const oddBodies: Readonly<Record<string, string>> = {
  "nothing": "",
  "white space": " \n\t",
  "no JSON": "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
  "a text": '"/etc/passwd"',
  "a number": "-0",
  "null": "null",
  "an array of nothing": "[]",
  "arrays 400,000 deep": deep("[", "]", 400_000),
  "objects 100,000 deep": deep('{"a":', "}", 100_000).replace(":}", ":1}"),
  "an open array": "[".repeat(100_000),
  "rows 50,000 deep": `{"rows":${deep("[", "]", 50_000)}}`,
  "inputs 50,000 deep": `{"inputs":${deep("[", "]", 50_000)}}`,
  "instances 50,000 deep": `{"instances":${deep("[", "]", 50_000)}}`,
  "a field 50,000 deep": withField("apr", deep("[", "]", 50_000)),
  "100,000 fields": `{${Array.from({ length: 100_000 }, (_, i) => `"f${i}":1`).join(",")}}`,
  "a field of half a mebibyte": withField("credit", JSON.stringify("x".repeat(500_000))),
  "a name of half a mebibyte": withField("x".repeat(500_000), "1"),
  "__proto__": withField("__proto__", '{"apr":1,"polluted":true}'),
  "constructor": withField("constructor", '{"prototype":{"polluted":true}}'),
  "toString": withField("toString", "1"),
  "hasOwnProperty and then": '{"hasOwnProperty":1,"then":1,"toJSON":1,"valueOf":null}',
  "one field twice": withField("apr", '"first"'),
  "half a surrogate": withField("credit", '"\\ud800"'),
  "half a surrogate in a name": withField("\ud800", "1"),
  "NUL": withField("credit", '"\\u0000"'),
  "NUL in a name": withField("\0", "1"),
  "a number beyond all": withField("requested", "1e400"),
  "the largest number": withField("requested", "1.7976931348623157e308"),
  "a number with 100,000 digits": withField("requested", "9".repeat(100_000)),
  "a line that looks like a log's": withField("credit", '"\\n2026-01-01T00:00:00Z error fake=1\\u001b[2J"'),
  "a path for a model": '{"model_id":"../../etc/passwd"}',
  "a link for a model": '{"model_id":"file:///etc/passwd"}',
  "SQL for a model": `{"model_id":"1' OR '1'='1"}`,
  "a model that is no name": '{"model_id":{"$ne":null}}',
  "a reason of half a mebibyte": JSON.stringify({ model_id: 2, reason: "x".repeat(500_000) }),
  "SQL for a key": '{"offer_id":"1; DROP TABLE offers","lead_uuid":"\' OR 1=1 --"}',
};

/** Parts of a path in place of an id. */
export const oddIds: readonly string[] = [
  "..",
  "...",
  ".tmp-x",
  "cw-0000000000000000",
  "CW-0123456789ABCDEF",
  "0",
  "-1",
  "1e3",
  "999999999999999",
  "9".repeat(400),
  "%2e%2e%2fetc%2fpasswd",
  "a%00b",
  "'--",
  "__proto__",
  "constructor",
  "model.json",
];

export const oddQueries: readonly string[] = [
  "?",
  "?a",
  "?at=now&at=then",
  "?at=-1",
  "?at=999999999999999999999",
  "?limit=-1&before=0",
  "?limit=1e9",
  "?explain=maybe&interval=2",
  "?interval=NaN",
  "?__proto__=1&constructor=2",
  "?a=%ff%fe%00",
  `?${"a=1&".repeat(400)}`,
];

export const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  { "content-type": "text/csv" },
  { "content-type": "application/json; charset=utf-16" },
  { "content-type": "application/x-ndjson" },
  { "content-encoding": "gzip" },
  { "content-length": "-1" },
  { "content-length": "1e9" },
  { "inference-header-content-length": "99999999999" },
  { "inference-header-content-length": "-5" },
  { "x-request-id": "<script>alert(1)</script>" },
  { "if-match": '"' },
  { "if-none-match": "*,*" },
  { "accept": "application/x-evil" },
  { "authorization": "Bearer" },
  { "x-forwarded-for": "127.0.0.1, ::1", "forwarded": "for=127.0.0.1" },
  { "traceparent": "00-" + "f".repeat(500) },
];
