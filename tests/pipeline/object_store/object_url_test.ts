import assert from "node:assert/strict";
import { isObjectUrl, locationOf, parseObjectUrl } from "../../../pipeline/object_store/object_url.ts";
import { assertFailure } from "../../support/expected_failure.ts";

Deno.test("a URL of an object store has a bucket, a prefix and settings", () => {
  assert.deepEqual(parseObjectUrl("s3://models"), { service: "s3", bucket: "models", prefix: "" });
  assert.deepEqual(parseObjectUrl("gs://models/team/a/"), {
    service: "gs",
    bucket: "models",
    prefix: "team/a",
  });
  assert.deepEqual(
    parseObjectUrl(
      "s3://models/a?endpoint=http://minio:9000/&region=eu-west-1&profile=p&use_path_style=false",
    ),
    {
      ...{ service: "s3", bucket: "models", prefix: "a" },
      ...{ endpoint: "http://minio:9000", region: "eu-west-1", profile: "p", usePathStyle: false },
    },
  );
  assert.equal(locationOf("s3://models/a/?region=eu-west-1"), "s3://models/a");
  assert.equal(locationOf("./models"), "./models");
});

Deno.test("a folder is no URL", () => {
  for (const path of ["models", "./models", "/srv/models", "C:\\models", "c:/models", "s3:models"]) {
    assert.equal(isObjectUrl(path), false, path);
  }
});

Deno.test("a wrong URL is refused, without a password that might be in it", () => {
  const wrong: readonly [string, RegExp][] = [
    ["http://host/models", /expected a folder, s3:\/\/BUCKET\/PREFIX or gs:/],
    ["azure://models", /expected a folder, s3:/],
    ["s3://", /its bucket is not one/],
    ["s3://A", /its bucket is not one/],
    ["s3://key:hunter2@bucket/x", /its bucket is not one.*credentials are never part of the URL/],
    ["s3://models/a//b", /its prefix may have/],
    ["s3://models/../b", /its prefix may have/],
    ["s3://models/a b", /its prefix may have/],
    ["s3://models?regoin=x", /parameter "regoin", expected endpoint, region, profile, use_path_style/],
    ["s3://models?use_path_style=yes", /use_path_style is true or false/],
    ["s3://models?region=evil.example/", /its region is not a name/],
    ["s3://models?endpoint=ftp://x", /its endpoint is not the URL of a server/],
    ["s3://models?endpoint=https://key:hunter2@host", /its endpoint is not the URL of a server/],
    ["gs://models?region=x", /parameter "region", expected endpoint/],
    [
      "gs://models?endpoint=http://storage.example",
      /its endpoint has no TLS, and would be sent an access token/,
    ],
  ];
  for (const [text, message] of wrong) {
    assertFailure(() => parseObjectUrl(text), "usage-invalid", message);
    try {
      parseObjectUrl(text);
    } catch (error) {
      assert.doesNotMatch(String(error), /hunter2/);
    }
  }
});
