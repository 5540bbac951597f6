-- The schema of clickwell's two files: tables.db has the user's tables, the view that joins them into examples, and the log of
-- loads; clickwell.db is the registry of models.
--
-- The user's tables come first. For other data, replace them and the view, and describe the view's columns in features.json:
-- nothing else in the program depends on loans.
--
-- Conventions that loading relies on:
--   * every table is STRICT and has a primary key;
--   * the comment at the end of a column's line gives its meaning and unit;
--   * an INTEGER column whose name ends in _at, or whose comment gives that unit, is a time, in microseconds since
--     1970-01-01T00:00:00Z;
--   * a key that is INTEGER PRIMARY KEY without NOT NULL is a row number, which the store gives to rows of files without it;
--   * a CHECK defines the valid range.

CREATE TABLE leads (
  lead_uuid     TEXT NOT NULL PRIMARY KEY,                       -- who asked for a loan
  requested     REAL CHECK (requested >= 0),                     -- amount asked for, US dollars
  loan_purpose  TEXT,                                            -- what the loan is for, a category
  credit        TEXT,                                            -- the lead's own estimate of their credit, a category
  annual_income REAL CHECK (annual_income >= 0)                  -- gross, US dollars a year
) STRICT, WITHOUT ROWID;

CREATE TABLE offers (
  offer_id  INTEGER NOT NULL PRIMARY KEY,                        -- one offer shown to one lead
  lead_uuid TEXT NOT NULL,                                       -- whom it was shown to; an orphan is reported, not refused
  apr       REAL CHECK (apr >= 0),                               -- annual percentage rate, percent
  lender_id INTEGER                                              -- whose offer it is: a category, never a number
) STRICT;

CREATE TABLE clicks (
  offer_id   INTEGER NOT NULL,                                   -- the offer that was clicked
  clicked_at INTEGER NOT NULL,                                   -- when, microseconds since 1970-01-01T00:00:00Z
  PRIMARY KEY (offer_id, clicked_at)
) STRICT, WITHOUT ROWID;

-- One row per offer with a lead. Several clicks on an offer count as one label.
CREATE VIEW examples AS
SELECT
  offers.offer_id,
  offers.lead_uuid,
  leads.requested,
  leads.loan_purpose,
  leads.credit,
  leads.annual_income,
  offers.apr,
  offers.lender_id,
  EXISTS (SELECT 1 FROM clicks WHERE clicks.offer_id = offers.offer_id) AS clicked
FROM offers
JOIN leads ON leads.lead_uuid = offers.lead_uuid;

-- clickwell's own records.

-- In tables.db: the log of loads.

CREATE TABLE loads (
  load_id      INTEGER NOT NULL PRIMARY KEY,
  table_name   TEXT NOT NULL,                                    -- the table that was loaded into
  file_name    TEXT NOT NULL,                                    -- name of the file, without its folder
  content_hash TEXT NOT NULL,                                    -- SHA-256 of the file, hexadecimal
  loaded_at    INTEGER NOT NULL,                                 -- microseconds since 1970-01-01T00:00:00Z
  on_conflict  TEXT NOT NULL CHECK (on_conflict IN ('fail', 'keep', 'replace')),
  report       TEXT NOT NULL CHECK (json_valid(report))          -- the quality report, JSON
) STRICT;

CREATE INDEX loads_by_content ON loads (table_name, content_hash);

-- In clickwell.db: the models, their aliases, and the assignments of the active model.

CREATE TABLE models (
  model_id         TEXT NOT NULL PRIMARY KEY,                    -- derived from the model's content
  version          INTEGER NOT NULL UNIQUE CHECK (version > 0),  -- 1, 2, 3 … in the order of registration
  created_at       INTEGER NOT NULL,                             -- microseconds since 1970-01-01T00:00:00Z
  hyper_parameters TEXT NOT NULL CHECK (json_valid(hyper_parameters)),
  metrics          TEXT NOT NULL CHECK (json_valid(metrics)),
  checksum         TEXT NOT NULL                                 -- SHA-256 of the artifact's files, hexadecimal
) STRICT, WITHOUT ROWID;

-- Names for models, such as champion and challenger, which can be assigned to another model.
CREATE TABLE model_aliases (
  alias    TEXT NOT NULL PRIMARY KEY,
  model_id TEXT NOT NULL REFERENCES models (model_id),
  set_at   INTEGER NOT NULL,                                     -- microseconds since 1970-01-01T00:00:00Z
  set_by   TEXT NOT NULL                                         -- a command or a client
) STRICT, WITHOUT ROWID;

-- A model's name and note for people, and that it was deleted: the row of a deleted model stays, because the history refers to it.
CREATE TABLE model_notes (
  model_id   TEXT NOT NULL PRIMARY KEY REFERENCES models (model_id),
  name       TEXT,                                               -- a few words
  note       TEXT,                                               -- a text
  deleted_at INTEGER,                                            -- microseconds since 1970-01-01T00:00:00Z, or NULL
  deleted_by TEXT                                                -- a command or a client
) STRICT, WITHOUT ROWID;

-- The active model: the newest row. Rows are only added; the others are the history.
CREATE TABLE production_model (
  assignment_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (assignment_id > 0),
  model_id      TEXT NOT NULL REFERENCES models (model_id),
  assigned_at   INTEGER NOT NULL,                                -- microseconds since 1970-01-01T00:00:00Z
  assigned_by   TEXT NOT NULL,                                   -- a command or a client
  reason        TEXT                                             -- why, in the words of the user or client
) STRICT;

-- REPLACE deletes rows without firing the DELETE trigger. A key that AUTOINCREMENT will assign is not above 0 yet.
CREATE TRIGGER production_model_is_append_only_insert BEFORE INSERT ON production_model
WHEN NEW.assignment_id > 0 AND NEW.assignment_id <= (SELECT max(assignment_id) FROM production_model)
BEGIN SELECT RAISE (ABORT, 'production_model is append-only'); END;

CREATE TRIGGER production_model_is_append_only_update BEFORE UPDATE ON production_model
BEGIN SELECT RAISE (ABORT, 'production_model is append-only'); END;

CREATE TRIGGER production_model_is_append_only_delete BEFORE DELETE ON production_model
BEGIN SELECT RAISE (ABORT, 'production_model is append-only'); END;
